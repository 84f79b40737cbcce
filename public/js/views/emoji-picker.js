/** All emoji by groups, those used lately first, and a search; by keys, too. */
import { byId, make } from '../dom.js';
import { found, groups, nameOf, recent, used } from '../emoji.js';
import { strings } from '../strings.js';
import { Sheet } from './sheet.js';

const BYTES_MOST = 64;
const ONE = /^[^\s\p{Cc}\p{L}]*[^\p{ASCII}\p{L}\s][^\s\p{Cc}\p{L}]*$/u;

/** @param {string} text @returns {boolean} is it an emoji, or several without spaces? */
export function isEmoji(text) {
    return new TextEncoder().encode(text).length <= BYTES_MOST && ONE.test(text);
}

export class EmojiPicker {
    constructor() {
        this.list = byId('picker-list');
        this.sheet = new Sheet('picker', () => this.list.replaceChildren());
        this.field = /** @type {HTMLInputElement} */ (byId('picker-text'));
        /** @type {(emoji: string) => void} */
        this.chosen = () => {};
        this.field.oninput = () => this.#show();
        this.field.onkeydown = (event) => {
            if (event.isComposing || !['Enter', 'ArrowDown'].includes(event.key)) return;
            event.preventDefault();
            const first = this.list.querySelector('button');
            if (event.key === 'Enter') first?.click();
            else first?.focus();
        };
        this.list.onkeydown = (event) => this.#key(event);
        this.list.onclick = ({ target }) => {
            const button = /** @type {Element} */ (target).closest('button');
            if (button?.textContent) this.#take(button.textContent);
        };
    }

    /** @param {(emoji: string) => void} chosen */
    open(chosen) {
        this.chosen = chosen;
        this.field.value = '';
        this.#show();
        this.sheet.open();
        if (matchMedia('(hover: hover)').matches) this.field.focus(); // no keyboard on a phone yet
    }

    update() {}

    stop() {
        this.sheet.close();
    }

    /** @param {string} emoji */
    #take(emoji) {
        used(emoji);
        this.sheet.close();
        this.chosen(emoji);
    }

    #show() {
        const text = this.field.value.trim();
        const all = isEmoji(text) ? [text] : found(text).map(({ emoji }) => emoji);
        this.list.replaceChildren(...(text ? [part('', all)] : everything()));
        byId('picker-note').textContent = text && !all.length ? strings.emojiNone : '';
        this.#reachable(this.list.querySelector('button'));
    }

    /** @param {HTMLElement|null} button the one that Tab leads to */
    #reachable(button) {
        this.list.querySelector('[tabindex="0"]')?.setAttribute('tabindex', '-1');
        if (button) button.tabIndex = 0;
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
        const all = [...this.list.querySelectorAll('button')];
        const at = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
        const forth = getComputedStyle(this.list).direction === 'rtl' ? -1 : 1;
        /** @type {Record<string, () => HTMLElement|undefined>} */
        const keys = {
            ArrowRight: () => all[at + forth],
            ArrowLeft: () => all[at - forth],
            ArrowDown: () => beside(all.slice(at), 1),
            ArrowUp: () => beside(all.slice(0, at + 1).reverse(), -1) ?? this.field,
            Home: () => all[0],
            End: () => all[all.length - 1],
        };
        const next = keys[event.key]?.();
        if (!next || at < 0) return;
        event.preventDefault();
        if (next !== this.field) this.#reachable(next);
        next.focus();
    }
}

/** @returns {HTMLElement[]} */
function everything() {
    const titles = /** @type {Record<string, string>} */ (strings.emojiGroups);
    const lately = recent();
    const parts = [...groups].map(([name, all]) =>
        part(
            titles[name],
            all.map(({ emoji }) => emoji),
        ),
    );
    return lately.length ? [part(strings.emojiRecent, lately), ...parts] : parts;
}

/** @param {string} title @param {string[]} all */
function part(title, all) {
    const buttons = all.map((emoji) => {
        const name = nameOf(emoji);
        return make(
            'button',
            { type: 'button', class: 'emoji', tabindex: '-1', 'aria-label': name, title: name },
            emoji,
        );
    });
    const label = title || false;
    const row = make('div', { class: 'emoji-row', role: 'group', 'aria-label': label }, ...buttons);
    return make('section', {}, ...(title ? [make('h3', {}, title)] : []), row);
}

/**
 * @param {HTMLButtonElement[]} all from the one that has the focus on, in one direction
 * @param {1|-1} way down or up @returns {HTMLButtonElement|undefined} in the next line, nearest to it
 */
function beside(all, way) {
    const [from, ...others] = all.map((button) => ({ button, at: button.getBoundingClientRect() }));
    const beyond = others.filter(({ at }) => (at.y - from.at.y) * way > 4);
    const line = beyond.filter(({ at }) => Math.abs(at.y - beyond[0].at.y) < 4);
    const far = (/** @type {{at: DOMRect}} */ { at }) => Math.abs(at.x - from.at.x);
    return line.sort((a, b) => far(a) - far(b))[0]?.button;
}
