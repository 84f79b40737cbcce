/**
 * Up to where one room or private conversation is known, and what an arriving frame means for
 * that: the next message, one seen before, a hole, or the answer that fills it. Pure
 * bookkeeping; asking the server is the client's part.
 */

/** @typedef {import('./types.js').Frame} Frame */
/** @typedef {import('./types.js').Message} Message */
/** @typedef {import('./types.js').Batch} Batch */
/** @typedef {import('./types.js').Stream} Stream */

const IDS_KEPT = 300; // more than any history frame holds

/** @param {{room?: string, to?: string}} frame @returns {Stream} */
export function streamOf(frame) {
    return frame.room ?? `@${frame.to}`;
}

/** @param {Stream} stream @returns {{room: string}|{to: string}} */
export function address(stream) {
    return stream.startsWith('@') ? { to: stream.slice(1) } : { room: stream };
}

export class StreamState {
    /** @param {string} name */
    constructor(name) {
        this.name = name;
        this.isPrivate = name.startsWith('@');
        this.epoch = '';
        this.seq = 0;
        this.known = false; // epoch and seq say something
        this.joined = false; // on this connection; a private conversation needs no join
        this.requestedAt = 0; // a join or history is under way since; 0: none
        this.olderThan = 0; // `before` of the older page that is under way; 0: none
        /** @type {Frame|null} `joined`, until its history is here */
        this.answer = null;
        /** @type {Map<number, Message>} came before something that is missing */
        this.held = new Map();
        /** @type {Set<string>} of the latest messages */
        this.ids = new Set();
    }

    /** The connection is gone and everything that was under way with it. */
    disconnected() {
        this.joined = false;
        this.requestedAt = 0;
        this.olderThan = 0;
        this.answer = null;
        this.held.clear();
    }

    /** Can it be resumed? A conversation that had no message when it was opened has no epoch. */
    get canResume() {
        return this.known && this.epoch !== '';
    }

    /** Is everything up to the top here, so that new messages may follow? */
    get settled() {
        return this.known && !this.answer && !this.requestedAt && (this.isPrivate || this.joined);
    }

    /**
     * A live message.
     * @param {Message} message
     * @returns {Message[]|null} what is to be shown now; null: something is missing
     */
    take(message) {
        if (this.known && message.seq <= this.seq) {
            // A number that was used before with another message: numbers started anew.
            return this.ids.has(message.id) ? [] : null;
        }
        this.held.set(message.seq, message);
        if (!this.known || message.seq !== this.seq + 1) return null;
        return this.#drain();
    }

    /** @returns {Message[]} held messages that follow without a hole */
    #drain() {
        const out = [];
        for (let next; (next = this.held.get(this.seq + 1)); this.seq++) out.push(next);
        for (const seq of this.held.keys()) if (seq <= this.seq) this.held.delete(seq);
        this.#remember(out);
        return out;
    }

    /** @param {Frame} frame @returns {boolean} whether this history is an older page */
    isOlderPage(frame) {
        const messages = frame.messages ?? [];
        if (!this.olderThan || this.answer) return false;
        return !messages.length || messages[messages.length - 1].seq < this.olderThan;
    }

    /** @param {Frame} frame @returns {Batch} */
    takeOlder(frame) {
        this.olderThan = 0;
        return {
            stream: this.name,
            kind: 'older',
            epoch: frame.epoch ?? '',
            messages: frame.messages ?? [],
            gap: null,
            more: frame.more ?? false,
        };
    }

    /**
     * The history that follows `joined`, or the answer to a request for a conversation.
     * @param {Frame} frame
     * @returns {{batch: Batch, verified: boolean, restarted: boolean}} verified: whoever looks
     *   for a message in what is known now and does not find it knows that it was not stored.
     *   restarted: the numbers started anew
     */
    takeHistory(frame) {
        const messages = frame.messages ?? [];
        const epoch = frame.epoch ?? '';
        const same = this.known && (epoch === this.epoch || this.epoch === '');
        const first = messages.length ? messages[0].seq : this.seq + 1;
        const last = messages.length ? messages[messages.length - 1].seq : 0;
        const complete =
            same && (this.answer ? this.answer.recovered === true : first <= this.seq + 1);
        const missed = this.answer?.missed ?? (same ? first - 1 - this.seq : 0);
        const news = messages.filter((m) => (same ? m.seq > this.seq : !this.ids.has(m.id)));
        /** @type {Batch} */
        const batch = {
            stream: this.name,
            kind: this.known ? 'resumed' : 'fresh',
            epoch,
            messages: news,
            gap: complete || !this.known ? null : { missed },
            more: frame.more ?? false,
        };
        const restarted = this.known && !same;
        this.seq = Math.max(same ? this.seq : 0, last, this.answer?.seq ?? 0);
        this.epoch = epoch;
        this.known = true;
        this.answer = null;
        this.requestedAt = 0;
        this.#remember(news);
        if (this.isPrivate) news.push(...this.#drain());
        else this.held.clear(); // the room's server held it back itself: it comes again
        return { batch, restarted, verified: complete || (messages.length > 0 && first === 1) };
    }

    /** @param {Message[]} messages */
    #remember(messages) {
        for (const message of messages) this.ids.add(message.id);
        for (const id of this.ids) {
            if (this.ids.size <= IDS_KEPT) break;
            this.ids.delete(id);
        }
    }
}
