/** The field one writes in: drafts per place, a counter near the limit, patience notices. */
import { announce, byId } from '../dom.js';
import { strings } from '../strings.js';

/** @typedef {import('../store.js').Store} Store */

const COUNTER_FROM = 0.8; // of the limit
const BYTES_MOST = 4096; // until the server has said its own limit

export class ComposerView {
    /** @param {Store} store @param {() => void} said */
    constructor(store, said) {
        this.store = store;
        this.said = said;
        this.text = /** @type {HTMLTextAreaElement} */ (byId('text'));
        this.send = /** @type {HTMLButtonElement} */ (byId('send'));
        /** @type {Map<string, string>} by stream */
        this.drafts = new Map();
        this.shown = '';
        /** @type {ReturnType<typeof setTimeout>|undefined} */
        this.timer = undefined;
        this.text.value = '';
        this.text.oninput = () => this.#typed();
        this.text.onkeydown = (event) => this.#key(event);
        byId('composer').onsubmit = (event) => {
            event.preventDefault();
            this.#say();
        };
        // The field keeps the focus (and a phone its keyboard) when the button is pressed.
        this.send.onpointerdown = (event) => event.preventDefault();
    }

    /** @param {Set<import('../store.js').Topic>} topics */
    update(topics) {
        if (topics.has('active') && this.shown !== this.store.active) this.#swap();
        if (topics.has('hold')) this.#notice();
        if (topics.has('connection')) this.#measure();
    }

    stop() {
        clearTimeout(this.timer);
        byId('notice').hidden = true;
    }

    focus() {
        this.text.focus({ preventScroll: true });
    }

    #swap() {
        if (this.shown) this.drafts.set(this.shown, this.text.value);
        const view = this.store.current;
        this.shown = this.store.active;
        this.text.value = this.drafts.get(this.shown) ?? '';
        const label = strings.messageTo(view?.title ?? '');
        this.text.placeholder = label;
        byId('text-label').textContent = label;
        this.text.disabled = !view;
        this.#measure();
    }

    #typed() {
        this.#measure();
        if (this.text.value.trim()) this.store.typing();
    }

    /** Height, counter and button follow the text. */
    #measure() {
        const { style } = this.text;
        style.height = 'auto';
        style.height = `${this.text.scrollHeight}px`;
        const most = this.store.limits?.message_bytes ?? BYTES_MOST;
        const bytes = new TextEncoder().encode(this.text.value).length;
        const counter = byId('counter');
        counter.textContent = bytes > most * COUNTER_FROM ? strings.bytesLeft(most - bytes) : '';
        counter.classList.toggle('over', bytes > most);
        this.send.disabled = bytes > most || this.text.value.trim() === '';
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
        if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        this.#say();
    }

    #say() {
        this.#measure();
        if (this.send.disabled) return;
        this.store.say(this.text.value.replace(/\s+$/u, ''));
        this.text.value = '';
        this.#measure();
        this.focus();
        this.said();
    }

    #notice() {
        clearTimeout(this.timer);
        const { code, until } = this.store.hold;
        const seconds = Math.ceil((until - Date.now()) / 1000);
        const notice = byId('notice');
        const isOver = code !== 'rate_limited' || seconds <= 0;
        const text = strings.rateLimited(seconds);
        if (notice.hidden && !isOver) announce(text);
        notice.hidden = isOver;
        if (isOver) return;
        notice.textContent = text;
        this.timer = setTimeout(() => this.#notice(), 250);
    }
}
