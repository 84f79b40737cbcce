/**
 * Messages that follow each other, with what events have made of them, and where it goes on at
 * both ends.
 */
import { isMark, present } from './events.js';

/** @typedef {import('./types.js').Message} Message */
/** @typedef {import('./types.js').Shown} Shown */
/** @typedef {import('./types.js').Page} Page */
/** @typedef {import('./types.js').Cursor} Cursor */

/**
 * @typedef {object} MessageItem
 * @property {'message'} kind
 * @property {string} epoch
 * @property {Message} given   by the server
 * @property {number} asOf     see present()
 * @property {Shown} message   after the events that are known
 * @property {number} [px]     height of its rows, once they were there
 *
 * @typedef {{kind: 'gap', missed: number, px?: number}} GapItem lost on the way; 0: nobody knows
 *   how many
 * @typedef {{kind: 'missing', count: number, px?: number}} MissingItem stored nowhere
 * @typedef {MessageItem|GapItem|MissingItem} Item
 */

export class Run {
    constructor() {
        /** @type {Item[]} */
        this.items = [];
        /** @type {Map<string, MessageItem>} by id */
        this.byId = new Map();
        /** @type {Map<string, Message[]>} by the id of the message that they are about */
        this.events = new Map();
        /** @type {Cursor|null} of the next page; null: there is none */
        this.older = null;
        /** @type {Cursor|null} */
        this.newer = null;
        this.loading = false;
        this.retryAt = 0; // a page could not be had: not before that
    }

    /**
     * @param {string} epoch @param {Message[]} messages
     * @returns {{added: MessageItem[], changed: MessageItem[]}} rows at the end, and those that
     *   events have changed
     */
    append(epoch, messages) {
        return this.#take(this.items, epoch, messages, 0);
    }

    /** @param {Message[]} messages of elsewhere @returns {MessageItem[]} those that events changed */
    applyEvents(messages) {
        return this.#mark(messages.filter(isMark));
    }

    /**
     * @param {Page} page what follows @param {number} after the number that it follows
     * @param {number} [asOf] the newest number when it was asked for, where what follows the page
     *   is not here
     */
    appendPage(page, after, asOf = 0) {
        this.#add(this.items, page, after, asOf);
        this.newer = page.newer;
    }

    /** @param {Page} page what comes before @param {number} before @param {number} [asOf] */
    prependPage(page, before, asOf = 0) {
        /** @type {Item[]} */
        const items = [];
        const left = this.#add(items, page, 0, asOf);
        const last = page.messages[page.messages.length - 1];
        const hole = last ? Math.min(left, before - last.seq - 1) : left;
        if (hole > 0) items.push({ kind: 'missing', count: hole });
        this.items.unshift(...items);
        this.older = page.older;
    }

    /**
     * The messages of a page, and a line at each hole in their numbers.
     * @param {Item[]} items @param {Page} page @param {number} after 0: unknown
     * @param {number} asOf
     * @returns {number} how many of those that are missing have no line yet
     */
    #add(items, page, after, asOf) {
        let { missing } = page;
        let last = after;
        for (const message of page.messages) {
            const hole = last ? Math.min(missing, message.seq - last - 1) : 0;
            if (hole > 0) items.push({ kind: 'missing', count: hole });
            missing -= Math.max(0, hole);
            last = message.seq;
            this.#take(items, page.epoch, [message], asOf);
        }
        return missing;
    }

    /** @param {Item[]} items @param {string} epoch @param {Message[]} messages @param {number} asOf */
    #take(items, epoch, messages, asOf) {
        const added = [];
        for (const given of messages) {
            if (isMark(given) || this.byId.has(given.id)) continue;
            const message = present(given, this.events.get(given.id) ?? [], asOf);
            /** @type {MessageItem} */
            const item = { kind: 'message', epoch, given, asOf, message };
            this.byId.set(given.id, item);
            items.push(item);
            added.push(item);
        }
        return { added, changed: this.#mark(messages.filter(isMark)) };
    }

    /** @param {Message[]} events @returns {MessageItem[]} */
    #mark(events) {
        const changed = new Set();
        for (const event of events) {
            const id = event.target_id ?? '';
            const known = this.events.get(id) ?? [];
            if (known.some((other) => other.id === event.id)) continue;
            this.events.set(id, [...known, event]);
            const item = this.byId.get(id);
            if (item) changed.add(item);
        }
        for (const item of changed) this.#present(item);
        return [...changed];
    }

    /** @param {MessageItem} item */
    #present(item) {
        const events = this.events.get(item.given.id) ?? [];
        item.message = present(item.given, events, item.asOf);
    }

    /** @param {Run} run what comes before this and may overlap it */
    prependRun(run) {
        const items = run.items.filter(
            (item) => item.kind !== 'message' || !this.byId.has(item.given.id),
        );
        if (!items.some((item) => item.kind === 'message')) return;
        for (const item of items) {
            if (item.kind !== 'message') continue;
            item.asOf = 0; // all that follows is here now
            this.byId.set(item.given.id, item);
        }
        this.#mark([...run.events.values()].flat());
        for (const item of items) if (item.kind === 'message') this.#present(item);
        this.items.unshift(...items);
        this.older = run.older;
    }

    /** @param {Run} run @returns {boolean} have they messages in common? */
    overlaps(run) {
        return this.items.some((item) => item.kind === 'message' && run.byId.has(item.given.id));
    }

    /** @param {number} most older items than the latest so many are dropped */
    trim(most) {
        const surplus = this.items.length - most;
        if (surplus <= 0) return;
        this.#drop(this.items.splice(0, surplus));
        while (this.items.length && this.items[0].kind !== 'message') this.items.shift();
        const [first] = this.items;
        if (first?.kind !== 'message') return;
        this.older = { epoch: first.epoch, before: first.given.seq };
        this.#forgetEvents(({ seq }) => seq < first.given.seq); // they come with their pages
    }

    /** @param {number} most newer items than the oldest so many are dropped */
    trimEnd(most) {
        if (this.items.length <= most) return;
        this.#drop(this.items.splice(most));
        while (this.items.length && this.items[this.items.length - 1].kind !== 'message')
            this.items.pop();
        const last = this.items[this.items.length - 1];
        if (last?.kind !== 'message') return;
        this.newer = { epoch: last.epoch, after: last.given.seq };
        this.#forgetEvents(({ target = 0 }) => target > last.given.seq);
    }

    /** @param {Item[]} items */
    #drop(items) {
        for (const item of items) if (item.kind === 'message') this.byId.delete(item.given.id);
    }

    /** @param {(event: Message) => boolean} isGone */
    #forgetEvents(isGone) {
        for (const [id, events] of this.events) {
            const left = events.filter((event) => !isGone(event));
            if (left.length) this.events.set(id, left);
            else this.events.delete(id);
        }
    }
}
