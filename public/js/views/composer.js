/**
 * The field one writes in: drafts per place, a counter near the limit, patience notices, changing
 * a message of one's own, and a sentence in its place where one may not write.
 */
import { announce, byId, icon } from '../dom.js';
import { refusal } from '../events.js';
import { strings } from '../strings.js';
import { Completion } from './completion.js';

/** @typedef {import('../store.js').Store} Store */
/** @typedef {import('../run.js').MessageItem} MessageItem */

const COUNTER_FROM = 0.8; // of the limit
const BYTES_MOST = 4096; // until the server has said its own limit
const TICK_MS = 250;

export class ComposerView {
    /**
     * @param {Store} store @param {() => void} said
     * @param {(text: string) => void} toast
     */
    constructor(store, said, toast) {
        this.store = store;
        this.said = said;
        this.toast = toast;
        this.text = /** @type {HTMLTextAreaElement} */ (byId('text'));
        this.send = /** @type {HTMLButtonElement} */ (byId('send'));
        /** @type {Map<string, string>} by stream */
        this.drafts = new Map();
        this.shown = '';
        /** @type {MessageItem|null} the message that is being changed */
        this.edited = null;
        /** @type {ReturnType<typeof setTimeout>|undefined} */
        this.timer = undefined;
        this.completion = new Completion(this.text, () => this.#names());
        this.text.value = '';
        this.text.oninput = () => this.#typed();
        this.text.onkeydown = (event) => this.#key(event);
        byId('composer').onsubmit = (event) => {
            event.preventDefault();
            this.#say();
        };
        byId('edit-cancel').onclick = () => this.#cancelEdit();
        // The field keeps the focus (and a phone its keyboard) when the button is pressed.
        this.send.onpointerdown = (event) => event.preventDefault();
        this.offs = [store.on('edit', (item) => this.#beginEdit(item))];
    }

    /** @param {Set<import('../store.js').Topic>} topics */
    update(topics) {
        if (topics.has('active') && this.shown !== this.store.active) this.#swap();
        if (['hold', 'guard', 'active'].some((topic) => topics.has(/** @type {any} */ (topic))))
            this.#patience();
        if (topics.has('connection')) this.#measure();
    }

    stop() {
        clearTimeout(this.timer);
        for (const off of this.offs) off();
        this.completion.close();
        this.#endEdit();
        byId('notice').hidden = true;
        byId('barred').hidden = true;
        byId('composer').hidden = false;
    }

    focus() {
        this.text.focus({ preventScroll: true });
    }

    #swap() {
        if (this.edited) this.#cancelEdit();
        if (this.shown) this.drafts.set(this.shown, this.text.value);
        const view = this.store.current;
        this.shown = this.store.active;
        this.text.value = this.drafts.get(this.shown) ?? '';
        this.completion.close();
        const label = strings.messageTo(view?.title ?? '');
        this.text.placeholder = label;
        byId('text-label').textContent = label;
        this.text.disabled = !view;
        this.#measure();
    }

    #typed() {
        this.#measure();
        this.completion.look();
        if (this.text.value.trim() && !this.edited) this.store.typing();
    }

    /** @returns {string[]} whom one may mean: who spoke lately, then who is here */
    #names() {
        const view = this.store.current;
        if (!view || view.isPrivate) return [];
        const spoke = view.items.flatMap((item) =>
            item.kind === 'message' && item.message.kind !== 'room' ? [item.message.user] : [],
        );
        const names = new Set([...spoke.reverse(), ...(view.members ?? [])]);
        names.delete(this.store.me);
        return [...names];
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
        const waits = !this.edited && this.#secondsToWait() > 0;
        this.send.disabled = bytes > most || this.text.value.trim() === '' || waits;
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
        if (event.isComposing || this.completion.key(event)) return;
        if (event.key === 'Escape' && this.edited) return this.#cancelEdit();
        if (event.key === 'ArrowUp' && this.text.value === '' && this.store.lastOwn) {
            event.preventDefault();
            return this.#beginEdit(this.store.lastOwn);
        }
        if (event.key !== 'Enter' || event.shiftKey) return;
        event.preventDefault();
        this.#say();
    }

    #say() {
        this.#measure();
        if (this.send.disabled) return;
        const content = this.text.value.replace(/\s+$/u, '');
        if (this.edited) return void this.#change(this.edited, content);
        this.store.say(content);
        this.text.value = '';
        this.completion.close();
        this.#measure();
        this.focus();
        this.said();
    }

    /** @param {MessageItem} item */
    #beginEdit(item) {
        if (!this.edited) this.drafts.set(this.shown, this.text.value);
        this.edited = item;
        this.text.value = item.message.content;
        byId('editing').hidden = false;
        this.send.setAttribute('aria-label', strings.save);
        this.send.replaceChildren(icon('check'));
        this.#measure();
        this.#patience();
        this.focus();
        this.text.setSelectionRange(this.text.value.length, this.text.value.length);
        announce(strings.editing);
    }

    #cancelEdit() {
        this.#endEdit();
        this.text.value = this.drafts.get(this.shown) ?? '';
        this.#measure();
        this.#patience();
        this.focus();
    }

    #endEdit() {
        this.edited = null;
        byId('editing').hidden = true;
        this.send.setAttribute('aria-label', strings.send);
        this.send.replaceChildren(icon('send'));
    }

    /** @param {MessageItem} item @param {string} content */
    async #change(item, content) {
        const { epoch, given, message } = item;
        const { seq, id } = given;
        if (content === message.content) return this.#cancelEdit();
        this.send.disabled = true;
        try {
            await this.store.client.edit(this.shown, { epoch, seq, id }, content);
            if (this.edited === item) this.#cancelEdit();
        } catch (error) {
            const { code, message: text, retryAfterMs } =
                /** @type {import('../asks.js').Unanswered} */ (error);
            this.toast(strings.error(code, text, retryAfterMs)); // what was written stays
        }
        this.#measure();
    }

    /** @returns {number} until slow mode lets one write here again */
    #secondsToWait() {
        const until = this.store.current?.slowUntil ?? 0;
        return Math.max(0, Math.ceil((until - Date.now()) / 1000));
    }

    /** What holds up the next message, for as long as it does. */
    #patience() {
        clearTimeout(this.timer);
        const barred = this.#barred();
        const limited = this.#notice();
        const slow = this.#slow();
        if (barred || limited || slow) this.timer = setTimeout(() => this.#patience(), TICK_MS);
    }

    /** @returns {boolean} whether to look again */
    #barred() {
        const { code, until } = refusal(this.store.current?.guard ?? null, Date.now());
        const text = code ? strings.barred(code, until ? until - Date.now() : 0) : '';
        const box = byId('barred');
        if (box.hidden && code) announce(text);
        if (code && this.edited) this.#cancelEdit();
        box.hidden = !code;
        byId('composer').hidden = code !== '';
        if (box.textContent !== text) box.textContent = text;
        if (box.hidden && box.dataset.code) this.#measure(); // it could not be while it was hidden
        box.dataset.code = code;
        return until > 0;
    }

    /** @returns {boolean} */
    #slow() {
        const seconds = this.#secondsToWait();
        const counter = byId('slow');
        const isOver = !seconds || Boolean(this.edited);
        if (counter.hidden !== isOver) this.#measure();
        counter.hidden = isOver;
        counter.textContent = strings.seconds(seconds);
        counter.title = strings.slowMode(seconds);
        this.send.classList.toggle('waits', !isOver);
        return seconds > 0;
    }

    /** @returns {boolean} */
    #notice() {
        const { code, until } = this.store.hold;
        const seconds = Math.ceil((until - Date.now()) / 1000);
        const notice = byId('notice');
        const isOver = code !== 'rate_limited' || seconds <= 0;
        const text = strings.rateLimited(seconds);
        if (notice.hidden && !isOver) announce(text);
        notice.hidden = isOver;
        if (!isOver) notice.textContent = text;
        return !isOver;
    }
}
