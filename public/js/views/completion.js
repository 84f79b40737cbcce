/** Names and emoji that fit what was begun, above the field one writes in. */
import { avatar, byId, make } from '../dom.js';
import { found } from '../emoji.js';

const NAMES_MOST = 5;
const BEGUN = /(?:^|[\s([{,;])@([\p{L}\p{M}\p{Nd}_.-]{0,32})$/u;

/**
 * @param {string} text up to the cursor @returns {string|null} what was begun; null: nothing
 */
export function begun(text) {
    return BEGUN.exec(text)?.[1] ?? null;
}

/**
 * @param {string[]} names the likeliest first @param {string} start
 * @returns {string[]} those that begin so, whatever their case
 */
export function fitting(names, start) {
    const wanted = start.normalize('NFC').toLocaleLowerCase();
    const fits = (/** @type {string} */ name) => name.toLocaleLowerCase().startsWith(wanted);
    return names.filter((name) => fits(name) && name !== start).slice(0, NAMES_MOST);
}

const EMOJI_BEGUN = /(?:^|[\s([{,;])(:[\w+-]{2,32})$/u;

/** @typedef {{take: string, label: string, sign: Node, start: number}} Choice start: what it replaces */

export class Completion {
    /** @param {HTMLTextAreaElement} text @param {() => string[]} names */
    constructor(text, names) {
        this.text = text;
        this.names = names;
        this.list = byId('names');
        /** @type {Choice[]} */
        this.found = [];
        this.chosen = 0;
        this.text.onblur = () => this.close();
    }

    /** The text or the cursor has changed. */
    look() {
        const text = this.text.value.slice(0, this.text.selectionStart);
        const start = begun(text);
        this.found = start === null ? this.#emoji(text) : this.#named(start, text.lastIndexOf('@'));
        this.chosen = 0;
        this.#show();
    }

    /** @param {string} begun @param {number} start @returns {Choice[]} */
    #named(begun, start) {
        const choice = (/** @type {string} */ name) => ({
            take: `@${name} `,
            label: name,
            sign: avatar(name),
            start,
        });
        return fitting(this.names(), begun).map(choice);
    }

    /** @param {string} text @returns {Choice[]} */
    #emoji(text) {
        const [, begun] = EMOJI_BEGUN.exec(text) ?? [];
        const choices = begun ? found(begun).slice(0, NAMES_MOST) : [];
        return choices.map(({ emoji, names }) => ({
            take: `${emoji} `,
            label: `:${names[0]}:`,
            sign: make('span', { class: 'emoji', 'aria-hidden': 'true' }, emoji),
            start: text.lastIndexOf(':'),
        }));
    }

    close() {
        this.found = [];
        this.#show();
    }

    /** @param {KeyboardEvent} event @returns {boolean} whether it was meant for the list */
    key(event) {
        const { length } = this.found;
        if (!length || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey)
            return false;
        if (event.key === 'ArrowDown') this.chosen = (this.chosen + 1) % length;
        else if (event.key === 'ArrowUp') this.chosen = (this.chosen + length - 1) % length;
        else if (event.key === 'Escape') this.found = [];
        else if (event.key === 'Tab' || event.key === 'Enter') this.#take(this.found[this.chosen]);
        else return false;
        event.preventDefault();
        this.#show();
        return true;
    }

    /** @param {Choice} choice */
    #take({ take, start }) {
        this.text.setRangeText(take, start, this.text.selectionStart, 'end');
        this.found = [];
        this.text.dispatchEvent(new Event('input'));
    }

    #show() {
        const isOpen = this.found.length > 0;
        this.list.hidden = !isOpen;
        const rows = this.found.map((choice, i) => {
            const row = make(
                'li',
                { role: 'option', id: `name-${i}`, 'aria-selected': String(i === this.chosen) },
                choice.sign,
                make('bdi', {}, choice.label),
            );
            // The field keeps the focus.
            row.onpointerdown = (event) => event.preventDefault();
            row.onclick = () => {
                this.#take(choice);
                this.#show();
            };
            return row;
        });
        this.list.replaceChildren(...rows);
        if (isOpen) this.text.setAttribute('aria-activedescendant', `name-${this.chosen}`);
        else this.text.removeAttribute('aria-activedescendant');
    }
}
