/** What the page knows of one room or conversation: its messages, people and marks. */
import { Run } from './run.js';

/** @typedef {import('./types.js').Message} Message */
/** @typedef {import('./types.js').Batch} Batch */
/** @typedef {import('./types.js').Position} Position */
/** @typedef {import('./run.js').Item} Item */

const ITEMS_MOST = 600; // older ones are dropped from memory
const TYPING_SHOWN_MS = 6_000;

export class StreamView {
    /**
     * @param {string} name
     * @param {string} me
     * @param {Position|undefined} mark up to where it was read
     */
    constructor(name, me, mark) {
        this.name = name;
        this.me = me;
        this.isPrivate = name.startsWith('@');
        /** the room's name, or that of the other one */
        this.title = this.isPrivate ? name.slice(1) : name;
        this.ready = false; // its history is here
        this.epoch = '';
        /** the newest messages, and what was loaded before them */
        this.live = new Run();
        /** @type {Run|null} an earlier place that is shown instead */
        this.past = null;
        /** @type {Set<string>|null} null: too many to list */
        this.members = new Set();
        this.count = 0;
        this.mark = mark;
        /** @type {Map<string, number>} up to where the others have read */
        this.readers = new Map();
        /** @type {Map<string, number>} who types, and until when that is shown */
        this.typing = new Map();
    }

    /** @returns {Item[]} the newest */
    get items() {
        return this.live.items;
    }

    /** @returns {Run} what is to be seen */
    get shown() {
        return this.past ?? this.live;
    }

    /** @param {Batch} batch */
    take(batch) {
        const { live } = this;
        this.#enter(batch);
        if (batch.kind === 'fresh') live.older = batch.older;
        if (batch.gap && live.items.length)
            live.items.push({ kind: 'gap', missed: batch.gap.missed });
        const fresh = live.lacks(batch.messages);
        live.append(batch.epoch, fresh);
        for (const { user, seq } of fresh) {
            this.typing.delete(user);
            if (user === this.me) this.raiseMark(seq); // who answers has read
        }
        if (batch.kind === 'live') live.trim(ITEMS_MOST);
    }

    /** The earlier place is shown no longer, or has reached the newest messages. */
    attach() {
        const { past, live } = this;
        if (!past || (past.newer && !past.overlaps(live))) return;
        live.prependRun(past);
        this.past = null;
    }

    /** @param {Batch} batch */
    #enter(batch) {
        const last = batch.messages[batch.messages.length - 1];
        this.epoch = batch.epoch;
        this.ready = true;
        const marked = this.mark && (this.mark.epoch === batch.epoch || this.mark.epoch === '');
        if (marked && this.mark) this.mark = { epoch: batch.epoch, seq: this.mark.seq };
        // A room that is entered for the first time has nothing unread.
        else if (!this.mark && !this.isPrivate)
            this.mark = { epoch: batch.epoch, seq: last?.seq ?? 0 };
        else this.mark = { epoch: batch.epoch, seq: 0 };
    }

    /** @param {number} seq @returns {boolean} whether it rose */
    raiseMark(seq) {
        if (this.mark?.epoch === this.epoch && this.mark.seq >= seq) return false;
        this.mark = { epoch: this.epoch, seq };
        return true;
    }

    /** @returns {number} the highest number, 0 without messages */
    get top() {
        for (let i = this.items.length - 1; i >= 0; i--) {
            const item = this.items[i];
            if (item.kind === 'message') return item.epoch === this.epoch ? item.message.seq : 0;
        }
        return 0;
    }

    /** @returns {Message|undefined} */
    get latest() {
        const last = this.items[this.items.length - 1];
        return last?.kind === 'message' ? last.message : undefined;
    }

    /** @param {Item} item @returns {boolean} */
    isUnread(item) {
        if (item.kind !== 'message' || item.message.user === this.me) return false;
        return item.epoch === this.epoch && item.message.seq > (this.mark?.seq ?? 0);
    }

    /** @returns {number} what others wrote behind the mark; none of mine is there */
    get unread() {
        let count = 0;
        for (let i = this.items.length - 1; i >= 0; i--) {
            if (this.isUnread(this.items[i])) count++;
            else if (this.items[i].kind === 'message') break;
        }
        return count;
    }

    /** @param {string} user */
    showTyping(user) {
        this.typing.set(user, Date.now() + TYPING_SHOWN_MS);
    }

    /** @returns {{names: string[], next: number}} who types; when to look again, 0: no need */
    whoTypes() {
        const now = Date.now();
        for (const [user, until] of this.typing) if (until <= now) this.typing.delete(user);
        const next = Math.min(...this.typing.values());
        return { names: [...this.typing.keys()], next: this.typing.size ? next : 0 };
    }
}
