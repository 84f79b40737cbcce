/** Messages that follow each other, and where it goes on at both ends. */

/** @typedef {import('./types.js').Message} Message */
/** @typedef {import('./types.js').Page} Page */
/** @typedef {import('./types.js').Cursor} Cursor */

/**
 * @typedef {{kind: 'message', epoch: string, message: Message}} MessageItem
 * @typedef {{kind: 'gap', missed: number}} GapItem lost on the way; 0: nobody knows how many
 * @typedef {{kind: 'missing', count: number}} MissingItem stored nowhere
 * @typedef {MessageItem|GapItem|MissingItem} Item
 */

export class Run {
    constructor() {
        /** @type {Item[]} */
        this.items = [];
        /** @type {Set<string>} ids of the messages in items */
        this.ids = new Set();
        /** @type {Cursor|null} of the next page; null: there is none */
        this.older = null;
        /** @type {Cursor|null} */
        this.newer = null;
        this.loading = false;
        this.retryAt = 0; // a page could not be had: not before that
    }

    /** @param {Message[]} messages @returns {Message[]} those that are not here */
    lacks(messages) {
        return messages.filter((message) => !this.ids.has(message.id));
    }

    /** @param {string} epoch @param {Message[]} messages that are not here */
    append(epoch, messages) {
        for (const message of messages) {
            this.ids.add(message.id);
            this.items.push({ kind: 'message', epoch, message });
        }
    }

    /** @param {Page} page what follows @param {number} after the number that it follows */
    appendPage(page, after) {
        this.#add(this.items, page, after);
        this.newer = page.newer;
    }

    /** @param {Page} page what comes before @param {number} before the number that it ends at */
    prependPage(page, before) {
        /** @type {Item[]} */
        const items = [];
        const left = this.#add(items, page, 0);
        const last = page.messages[page.messages.length - 1];
        const hole = last ? Math.min(left, before - last.seq - 1) : left;
        if (hole > 0) items.push({ kind: 'missing', count: hole });
        this.items.unshift(...items);
        this.older = page.older;
    }

    /**
     * The messages of a page, and a line at each hole in their numbers.
     * @param {Item[]} items @param {Page} page @param {number} after 0: unknown
     * @returns {number} how many of those that are missing have no line yet
     */
    #add(items, page, after) {
        let { missing } = page;
        let last = after;
        for (const message of page.messages) {
            const hole = last ? Math.min(missing, message.seq - last - 1) : 0;
            if (hole > 0) items.push({ kind: 'missing', count: hole });
            missing -= Math.max(0, hole);
            last = message.seq;
            if (this.ids.has(message.id)) continue;
            this.ids.add(message.id);
            items.push({ kind: 'message', epoch: page.epoch, message });
        }
        return missing;
    }

    /** @param {Run} run what comes before this and may overlap it */
    prependRun(run) {
        const items = run.items.filter(
            (item) => item.kind !== 'message' || !this.ids.has(item.message.id),
        );
        if (!items.some((item) => item.kind === 'message')) return;
        for (const item of items) if (item.kind === 'message') this.ids.add(item.message.id);
        this.items.unshift(...items);
        this.older = run.older;
    }

    /** @param {Run} run @returns {boolean} have they messages in common? */
    overlaps(run) {
        return this.items.some(
            (item) => item.kind === 'message' && run.ids.has(item.message.id),
        );
    }

    /** @param {number} most older items than the latest so many are dropped */
    trim(most) {
        const surplus = this.items.length - most;
        if (surplus <= 0) return;
        for (const item of this.items.splice(0, surplus))
            if (item.kind === 'message') this.ids.delete(item.message.id);
        while (this.items.length && this.items[0].kind !== 'message') this.items.shift();
        const [first] = this.items;
        if (first?.kind === 'message')
            this.older = { epoch: first.epoch, before: first.message.seq };
    }
}
