/**
 * A long list of which only the rows near the view are elements. Above and below them stands
 * padding, as high as the other rows are, or may be: heights are measured when the rows are
 * there, and kept in the items. What the user looks at does not move: what rows above the view
 * have more or less than was thought is taken from the padding, so that scrolling goes on
 * undisturbed. Of messages it knows nothing.
 */

/** @typedef {import('../run.js').Item} Item */

/**
 * @typedef {{item: Item, look: unknown[], rows: HTMLElement[]}} Cell  the rows of an item
 * @typedef {{key: unknown, top: number}} Place  an item, and how far below the view's upper edge
 */

const READY_PX = 800; // rows are ready that far above and below the view,
const MORE_PX = 200; // and some more, so that not every step makes new ones
const KEPT_PX = 1_600; // farther away they go
const GUESS_PX = 48; // until some were measured
const LEAST_PX = 16; // of padding above, for each row that is not there
const CHOSEN_MOST = 400; // rows that stay because text in them is selected

/** @param {Item} item @returns {unknown} what it is known by, whatever object it is */
const keyOf = (item) => (item.kind === 'message' ? item.given.id : item);

export class RowWindow {
    /**
     * @param {HTMLElement} scroller @param {HTMLElement} list
     * @param {(items: Item[], index: number) => unknown[]} look  what its rows depend on
     * @param {(items: Item[], index: number) => HTMLElement[]} draw
     */
    constructor(scroller, list, look, draw) {
        this.scroller = scroller;
        this.list = list;
        this.look = look;
        this.draw = draw;
        /** @type {Item[]} */
        this.items = [];
        this.first = 0; // of items, whose rows are there
        this.end = 0; // behind the last one
        this.isPainted = true; // false: only rows that are seen are there
        this.above = 0; // padding
        this.below = 0;
        this.width = 0; // heights are those at this width
        this.measured = { sum: 0, count: 0 };
        this.mean = GUESS_PX;
        /** @type {Map<unknown, Cell>} in order */
        this.cells = new Map();
        /** @type {Place|null} what the user looks at */
        this.place = null;
    }

    clear() {
        this.list.replaceChildren();
        this.cells.clear();
        this.items = [];
        this.first = this.end = this.above = this.below = 0;
        this.place = null;
        this.#pad();
    }

    /** @param {unknown} key @returns {HTMLElement|undefined} its own row, below all dividers */
    row(key) {
        return this.cells.get(key)?.rows.at(-1);
    }

    /**
     * To be called before anything else when items have come or gone.
     * @param {Item[]} items as they are now @param {Place|null} place where one of them is to be;
     *   null: the end is in sight
     */
    show(items, place) {
        const [top] = this.cells.keys();
        this.items = items;
        this.mean = this.measured.count ? this.measured.sum / this.measured.count : GUESS_PX;
        const index = place ? this.#indexOf(place.key) : -1;
        if (!place || index < 0) return this.#showEnd();
        const [first, end] = this.#around(index, place.top);
        // Unless something came or went above, the padding there stays what it is.
        const moved = !items[this.first] || keyOf(items[this.first]) !== top;
        this.#render(first, end, place, { moved, isNew: true });
    }

    #showEnd() {
        const { items, scroller } = this;
        if (!this.cells.size) this.#waitForPaint();
        const ready = this.isPainted ? READY_PX : 0;
        const [first, end] = this.#around(items.length, scroller.clientHeight, ready);
        this.#render(first, end, null, { moved: true, isNew: true });
        scroller.scrollTop = scroller.scrollHeight;
        this.#measure();
    }

    /** What is seen first need not wait for rows that are not. */
    #waitForPaint() {
        this.isPainted = false;
        requestAnimationFrame(() =>
            setTimeout(() => {
                this.isPainted = true;
                this.scrolled();
            }),
        );
    }

    /** @param {unknown} key @returns {number} */
    #indexOf(key) {
        return this.items.findIndex((item) => keyOf(item) === key);
    }

    /** The user has scrolled: rows come at one end and go at the other. */
    scrolled() {
        const { cells, items, scroller } = this;
        if (!cells.size || !this.isPainted) return;
        const view = scroller.clientHeight;
        const from = this.#top(this.list) + this.above;
        const to = from + this.list.clientHeight - this.above - this.below;
        if (from > view || to < 0) return this.#leap(from > view);
        this.place = this.held();
        let { first, end } = this;
        let room = from + READY_PX;
        if (room > 0) for (room += MORE_PX; first > 0 && room > 0; ) room -= this.#px(--first);
        else if (!this.#isChosen())
            for (room = -from - KEPT_PX; room > this.#px(first); ) room -= this.#px(first++);
        room = view + READY_PX - to;
        if (room > 0) for (room += MORE_PX; end < items.length && room > 0; ) room -= this.#px(end++);
        else if (!this.#isChosen())
            for (room = to - view - KEPT_PX; room > this.#px(end - 1); ) room -= this.#px(--end);
        if (first === this.first && end === this.end) return;
        this.#render(first, end, this.place, { moved: false, isNew: false });
    }

    /** @param {boolean} up The scroll bar was dragged to where no rows are. */
    #leap(up) {
        const { items, scroller } = this;
        const { scrollHeight, scrollTop, clientHeight } = scroller;
        if (scrollHeight - scrollTop - clientHeight < 2) return this.#showEnd();
        let index = 0;
        let top = 0;
        if (up) {
            const share = this.above ? this.#sum(0, this.first) / this.above : 1;
            for (top = this.#top(this.list) * share; index < this.first && top + this.#px(index) < 0; )
                top += this.#px(index++);
        } else {
            const { bottom } = this.list.getBoundingClientRect();
            index = items.length;
            for (top = bottom - scroller.getBoundingClientRect().top; top > 0 && index > 0; )
                top -= this.#px(--index);
        }
        index = Math.min(index, items.length - 1);
        const [first, end] = this.#around(index, top);
        const place = { key: keyOf(items[index]), top };
        this.#render(first, end, place, { moved: true, isNew: false });
    }

    /** Rows have another size than they had: what the user looks at goes back to its place. */
    settle() {
        if (this.list.clientWidth !== this.width) {
            for (const item of this.items) item.px = 0;
            this.measured = { sum: 0, count: 0 };
        }
        if (this.place) this.#put(this.place, false);
        this.#measure();
    }

    /** @returns {Place|null} the first row that can be seen from its beginning */
    held() {
        let held = null;
        for (const [key, { rows }] of this.cells) {
            const top = this.#top(rows[rows.length - 1]);
            if (top > this.scroller.clientHeight) break;
            held = { key, top };
            if (top >= 0) break;
        }
        return held;
    }

    /** @param {Element} element @returns {number} pixels below the upper edge of the view */
    #top(element) {
        return element.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
    }

    /** @param {number} index @returns {number} */
    #px(index) {
        return this.items[index].px || this.mean;
    }

    /** @param {number} from @param {number} to @returns {number} */
    #sum(from, to) {
        let sum = 0;
        for (let i = from; i < to; i++) sum += this.#px(i);
        return sum;
    }

    /**
     * @param {number} index @param {number} top of that item @param {number} [ready]
     * @returns {[number, number]} what is near
     */
    #around(index, top, ready = READY_PX) {
        let first = index;
        let end = index;
        for (let room = top + ready; first > 0 && room > 0; ) room -= this.#px(--first);
        const view = this.scroller.clientHeight;
        for (let room = view - top + ready; end < this.items.length && room > 0; )
            room -= this.#px(end++);
        return [first, end];
    }

    /**
     * @param {number} first @param {number} end @param {Place|null} place
     * @param {{moved: boolean, isNew: boolean}} how moved: the padding above is counted anew;
     *   isNew: items may have changed
     */
    #render(first, end, place, { moved, isNew }) {
        if (moved) this.above = this.#sum(0, first);
        else if (first > this.first) this.above += this.#sum(this.first, first);
        else this.above = Math.max(0, this.above - this.#sum(first, this.first));
        [this.first, this.end] = [first, end];
        this.#fill(isNew);
        this.#pad();
        if (!place) return;
        this.#put(place, moved);
        this.#measure();
    }

    /** @param {boolean} isNew */
    #fill(isNew) {
        const { list, items } = this;
        /** @type {Map<unknown, Cell>} */
        const cells = new Map();
        for (let i = this.first; i < this.end; i++) {
            const item = items[i];
            const key = keyOf(item);
            const old = this.cells.get(key);
            const look = old && !isNew ? old.look : this.look(items, i);
            const isSame = old && (look === old.look || look.every((one, at) => one === old.look[at]));
            const cell = isSame ? old : { item, look, rows: this.draw(items, i) };
            cell.item = item;
            if (!isSame) item.px = 0;
            cells.set(key, cell);
        }
        const focus = this.#remove(cells);
        let at = list.firstElementChild;
        for (const { rows } of cells.values())
            for (const row of rows)
                if (row === at) at = at.nextElementSibling;
                else list.insertBefore(row, at);
        this.cells = cells;
        if (focus) this.#focus(focus);
    }

    /**
     * @param {Map<unknown, Cell>} cells those that stay
     * @returns {{key: unknown, selector: string}|null} where the focus was, when that is gone
     */
    #remove(cells) {
        let focus = null;
        for (const [key, cell] of this.cells) {
            if (cells.get(key) === cell) continue;
            for (const row of cell.rows) {
                const selector = focusIn(row);
                if (selector) focus = { key, selector };
                row.remove();
            }
        }
        return focus;
    }

    /** @param {{key: unknown, selector: string}} focus */
    #focus({ key, selector }) {
        /** @type {HTMLElement|null|undefined} */
        const target = this.row(key)?.querySelector(selector);
        (target ?? this.scroller).focus({ preventScroll: true });
    }

    #pad() {
        this.below = this.#sum(this.end, this.items.length);
        this.list.style.paddingTop = `${this.above}px`;
        this.list.style.paddingBottom = `${this.below}px`;
    }

    /** @param {Place} place @param {boolean} moved */
    #put({ key, top }, moved) {
        const row = this.row(key);
        if (!row) return;
        let off = this.#top(row) - top;
        if (Math.abs(off) < 0.5) return;
        const above = this.above - off;
        if (!moved && this.first && above >= this.first * LEAST_PX) {
            this.above = above;
            return this.#pad();
        }
        this.above = this.#sum(0, this.first); // what is left over, or is too little
        this.#pad();
        off = this.#top(row) - top;
        this.scroller.scrollTop += off;
    }

    #measure() {
        const { measured } = this;
        let item = null;
        let last = 0;
        for (const { rows, item: next } of this.cells.values()) {
            const { top } = rows[0].getBoundingClientRect();
            if (item && !item.px) {
                measured.sum += top - last;
                measured.count++;
            }
            if (item) item.px = top - last;
            [item, last] = [next, top];
        }
        this.width = this.list.clientWidth;
        this.place = this.held();
    }

    /** @returns {boolean} Text is selected here, and the rows that it begins and ends in shall stay. */
    #isChosen() {
        const chosen = getSelection();
        if (!chosen || chosen.isCollapsed || this.end - this.first > CHOSEN_MOST) return false;
        return this.list.contains(chosen.anchorNode);
    }
}

/** @param {Element} row @returns {string} where the focus is in it, as a selector; "": elsewhere */
function focusIn(row) {
    const focused = document.activeElement;
    if (!focused || !row.contains(focused)) return '';
    const { emoji } = /** @type {HTMLElement} */ (focused).dataset;
    return emoji ? `.chip[data-emoji="${CSS.escape(emoji)}"], .more-acts` : '.more-acts';
}
