/** Names that fit the beginning of one, above the field one writes in. */
import { avatar, byId, make } from '../dom.js';

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

export class Completion {
    /** @param {HTMLTextAreaElement} text @param {() => string[]} names */
    constructor(text, names) {
        this.text = text;
        this.names = names;
        this.list = byId('names');
        /** @type {string[]} */
        this.found = [];
        this.chosen = 0;
        this.text.onblur = () => this.close();
    }

    /** The text or the cursor has changed. */
    look() {
        const start = begun(this.text.value.slice(0, this.text.selectionStart));
        this.found = start === null ? [] : fitting(this.names(), start);
        this.chosen = 0;
        this.#show();
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

    /** @param {string} name */
    #take(name) {
        const { value, selectionStart } = this.text;
        const before = value.slice(0, selectionStart);
        const start = before.lastIndexOf('@');
        this.text.setRangeText(`@${name} `, start, selectionStart, 'end');
        this.found = [];
        this.text.dispatchEvent(new Event('input'));
    }

    #show() {
        const isOpen = this.found.length > 0;
        this.list.hidden = !isOpen;
        const rows = this.found.map((name, i) => {
            const row = make(
                'li',
                { role: 'option', id: `name-${i}`, 'aria-selected': String(i === this.chosen) },
                avatar(name),
                make('bdi', {}, name),
            );
            // The field keeps the focus.
            row.onpointerdown = (event) => event.preventDefault();
            row.onclick = () => {
                this.#take(name);
                this.#show();
            };
            return row;
        });
        this.list.replaceChildren(...rows);
        if (isOpen) this.text.setAttribute('aria-activedescendant', `name-${this.chosen}`);
        else this.text.removeAttribute('aria-activedescendant');
    }
}
