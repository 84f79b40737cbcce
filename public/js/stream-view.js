/** What the page knows of one room or conversation: its messages, people and marks. */
import { guardAfter, isSaid } from './events.js';
import { Run } from './run.js';

/** @typedef {import('./types.js').Message} Message */
/** @typedef {import('./types.js').Shown} Shown */
/** @typedef {import('./types.js').Guard} Guard */
/** @typedef {import('./types.js').Conversation} Conversation */
/** @typedef {import('./types.js').Batch} Batch */
/** @typedef {import('./types.js').Position} Position */
/** @typedef {import('./run.js').Item} Item */
/** @typedef {import('./run.js').MessageItem} MessageItem */

/**
 * @typedef {object} Tick
 * @property {'stored'|'delivered'|'read'} state  of all of them
 * @property {number} of    how many people; 0: the other one of a conversation
 * @property {number} got   … have it
 * @property {number} read  … have read it
 */

const ITEMS_MOST = 600; // of what is live; older ones are dropped from memory
const READ_MOST = 12_000; // of what somebody scrolls through: then those far away are dropped …
const READ_KEPT = 10_000; // … but for so many,
const LIVE_KEPT = 100; // and for the newest
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
        this.top = 0; // the highest number in it, 0 without messages
        /** @type {Guard|null} null: a room that nobody owns, or a conversation */
        this.guard = null;
        this.slowUntil = 0; // slow mode: oneself may write again then
        /** @type {Conversation|null} what the server has told before its history is here */
        this.told = null;
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
        /** @type {Map<string, [number, number]>} up to where people of a small room have it and
         *  have read it */
        this.marks = new Map();
        this.delivered = 0; // up to where the other one has it
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

    /**
     * @param {Batch} batch
     * @returns {{added: number, changed: MessageItem[]}} new rows at the end of the newest
     *   messages, and those on the screen that events have changed
     */
    take(batch) {
        const { live, past } = this;
        this.#enter(batch);
        if (batch.kind === 'fresh') live.older = batch.older;
        if (batch.gap && live.items.length)
            live.items.push({ kind: 'gap', missed: batch.gap.missed });
        const { added, changed } = live.append(batch.epoch, batch.messages);
        for (const message of batch.messages) this.#hear(message, batch.kind === 'live');
        const seen = past ? past.applyEvents(batch.messages) : changed;
        return { added: added.length, changed: seen };
    }

    /** @param {Message} message @param {boolean} isLive */
    #hear(message, isLive) {
        const { user, seq } = message;
        if (message.kind === 'room') {
            if (isLive) this.guard = guardAfter(this.guard, message, this.me);
        } else if (isSaid(message)) {
            this.typing.delete(user);
            if (user !== this.me) return;
            this.raiseMark(seq); // who answers has read
            if (isLive) this.slowUntil = Date.now() + (this.guard?.slow_ms ?? 0);
        }
    }

    /** @param {Conversation} told by the server, on a new connection */
    learn(told) {
        this.told = told;
        this.delivered = Math.max(this.delivered, told.delivered);
        this.readers.set(this.title, Math.max(told.seen, this.readers.get(this.title) ?? 0));
        if (!this.ready || told.epoch === this.epoch) this.setMark(told.epoch, told.read);
    }

    /** @param {number} seq  up to where this room was read on any device; 0: nobody knows */
    learnRead(seq) {
        if (this.ready) this.raiseMark(seq);
        else if (seq > (this.mark?.seq ?? 0)) this.mark = { epoch: '', seq };
    }

    /** @param {string} epoch @param {number} seq  what the server says; what is known may be above */
    setMark(epoch, seq) {
        const known = this.mark?.epoch === epoch ? this.mark.seq : 0;
        this.mark = { epoch, seq: Math.max(seq, known) };
    }

    /** @param {boolean} looking at the newest messages, or not at this stream at all */
    trim(looking) {
        this.live.trim(looking ? ITEMS_MOST : READ_MOST);
    }

    /**
     * What is far from the eyes is let go of; a page brings it back.
     * @param {'older'|'newer'} way where the user goes
     */
    letGo(way) {
        const { shown, live } = this;
        if (shown.items.length <= READ_MOST) return;
        if (way === 'newer') return shown.trim(READ_KEPT);
        if (shown !== live) return shown.trimEnd(READ_KEPT);
        this.past = new Run();
        this.past.prependRun(live);
        this.past.trimEnd(READ_KEPT);
        live.trim(LIVE_KEPT);
    }

    /** The earlier place is shown no longer, or has reached the newest messages. */
    attach() {
        const { past, live } = this;
        if (!past || (past.newer && !past.overlaps(live))) return;
        live.prependRun(past);
        this.past = null;
    }

    /** @param {string} epoch @param {Record<string, [number, number]>} marks what rose */
    learnMarks(epoch, marks) {
        if (epoch !== this.epoch) return;
        for (const [user, pair] of Object.entries(marks)) this.marks.set(user, pair);
    }

    /**
     * Who has a message of oneself, of those who are here or have had it.
     * @param {number} seq
     * @param {number} most people up to which a room tells it
     * @returns {Tick|null} null: nobody says
     */
    tick(seq, most) {
        if (this.isPrivate) {
            const read = (this.readers.get(this.title) ?? 0) >= seq;
            const state = read ? 'read' : this.delivered >= seq ? 'delivered' : 'stored';
            return { state, of: 0, got: 0, read: 0 };
        }
        if (!this.members || this.count > most) return null;
        const marks = [...this.marks].filter(([name]) => name !== this.me);
        const got = marks.filter(([, mark]) => mark[0] >= seq).length;
        const read = marks.filter(([, mark]) => mark[1] >= seq).length;
        let of = got;
        for (const name of this.members)
            if (name !== this.me && (this.marks.get(name)?.[0] ?? 0) < seq) of++;
        if (!of) return null;
        return { state: read === of ? 'read' : got === of ? 'delivered' : 'stored', of, got, read };
    }

    /** @returns {string[]} who wrote here or had messages, and is not here now */
    get absent() {
        if (this.isPrivate || !this.members) return [];
        const names = new Set(this.marks.keys());
        for (const item of this.items)
            if (item.kind === 'message' && isSaid(item.message)) names.add(item.message.user);
        for (const name of this.members) names.delete(name);
        names.delete('*');
        return [...names];
    }

    /** @param {string} id @returns {MessageItem|undefined} of what is to be seen */
    find(id) {
        return this.shown.byId.get(id);
    }

    /** @param {Batch} batch */
    #enter(batch) {
        const last = batch.messages[batch.messages.length - 1];
        if (this.epoch !== batch.epoch) {
            this.top = 0;
            this.marks.clear();
        }
        this.top = Math.max(this.top, last?.seq ?? 0);
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
        this.told = null; // it counted from the mark before
        return true;
    }

    /** @returns {Shown|undefined} */
    get latest() {
        const last = this.items[this.items.length - 1];
        return last?.kind === 'message' ? last.message : undefined;
    }

    /** @param {Item} item @returns {boolean} */
    isUnread(item) {
        if (item.kind !== 'message' || item.message.user === this.me) return false;
        if (!isSaid(item.message) || item.message.deleted) return false;
        return item.epoch === this.epoch && item.message.seq > (this.mark?.seq ?? 0);
    }

    /** @returns {number} what others wrote behind the mark */
    get unread() {
        let count = 0;
        for (let i = this.items.length - 1; i >= 0; i--) {
            const item = this.items[i];
            if (this.isUnread(item)) count++;
            else if (item.kind === 'message' && item.message.seq <= (this.mark?.seq ?? 0)) break;
        }
        return this.#isComplete() ? count : Math.max(count, this.told?.unread ?? 0);
    }

    /** @returns {boolean} is everything behind the mark here? */
    #isComplete() {
        const first = this.items.find((item) => item.kind === 'message');
        if (!this.ready || first?.kind !== 'message') return this.ready;
        return !this.live.older || first.given.seq <= (this.mark?.seq ?? 0) + 1;
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
