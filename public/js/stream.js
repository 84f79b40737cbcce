/**
 * Up to where one room or private conversation is known, and what an arriving frame means for
 * that: the next message, one seen before, a hole, or the answer that fills it. Pure
 * bookkeeping; asking the server is the client's part.
 */

/** @typedef {import('./types.js').Frame} Frame */
/** @typedef {import('./types.js').Message} Message */
/** @typedef {import('./types.js').Batch} Batch */
/** @typedef {import('./types.js').Stream} Stream */

const SEEN_KEPT = 600; // ids and cids: more than any history frame holds
const DEDUPE_MS = 300_000; // a cid of a user is one message for so long, by Redis' clock
const HISTORY_MS = 86_400_000; // Redis forgets a stream that is quiet for so long

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
        this.people = 0; // how many are in a room
        this.isPrivate = name.startsWith('@');
        this.epoch = '';
        this.seq = 0;
        this.known = false; // epoch and seq say something
        this.since = 0; // whatever was said after this moment of this machine's clock is known
        this.joined = false; // on this connection; a private conversation needs no join
        this.requestedAt = 0; // a join or history is under way since; 0: none
        this.expected = 0; // what is missing up to this number comes by itself, page by page
        /** @type {Frame|null} `joined`, until its history is here */
        this.answer = null;
        /** @type {Map<number, Message>} came before something that is missing */
        this.held = new Map();
        /** @type {number[]} those that were held when the request was made: its answer has them */
        this.covered = [];
        /** @type {Map<string, number>} id, and user and cid, of the latest messages → timestamp */
        this.seen = new Map();
    }

    /** The connection is gone and everything that was under way with it. */
    disconnected() {
        this.joined = false;
        this.requestedAt = 0;
        this.expected = 0;
        this.answer = null;
        this.held.clear();
    }

    /** @param {number} seq The server sends what is missing up to there without being asked. */
    expect(seq) {
        this.expected = seq;
        this.requestedAt ||= Date.now();
    }

    /** @param {number} now A request for what is missing goes out. */
    requested(now) {
        this.requestedAt = now;
        this.covered = [...this.held.keys()];
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
        const isOld = this.known && message.seq <= this.seq;
        if (isOld && this.seen.has(message.id)) return [];
        this.held.set(message.seq, message);
        // An old number with another message: numbers started anew.
        if (!this.known || message.seq !== this.seq + 1) return null;
        return this.#drain();
    }

    /** @returns {Message[]} held messages that follow without a hole */
    #drain() {
        const out = [];
        for (let next; (next = this.held.get(this.seq + 1)); this.seq++) out.push(next);
        for (const seq of this.held.keys()) if (seq <= this.seq) this.held.delete(seq);
        return this.#news(out);
    }

    /** @param {string} user @param {string} cid @returns {boolean} is it among the latest ones? */
    hasSeen(user, cid) {
        return this.seen.has(`${user} ${cid}`);
    }

    /**
     * The history that follows `joined`, or the answer to a request for a conversation.
     * @param {Frame} frame
     * @param {number} now by this machine's clock
     * @returns {{batch: Batch, restarted: boolean}} restarted: the numbers started anew
     */
    takeHistory(frame, now) {
        const { epoch = '', messages = [], older = null } = frame;
        const { known, answer } = this;
        const from = Math.min(...this.held.keys()); // who asked for this came just now
        const top = Math.max(messages[messages.length - 1]?.seq ?? 0, answer?.seq ?? 0);
        const first = messages[0]?.seq ?? top + 1;
        const sameEpoch = this.epoch ? epoch === this.epoch : this.#agrees(messages);
        // In an epoch a room's top cannot fall. (A conversation's history may have been made
        // before a message that is here already.)
        const goesOn = known && sameEpoch && !(answer && top < this.seq);
        const complete = goesOn && first <= this.seq + 1;
        const lost = frame.missed && frame.away ? { missed: frame.missed } : null;
        const gap = known && !complete ? { missed: goesOn ? first - 1 - this.seq : 0 } : lost;
        if (!complete && !this.#holdsLast(messages))
            this.since = first > 1 ? now : now - HISTORY_MS;
        const kind = known ? 'resumed' : 'fresh';
        const news = this.#news(messages.slice(this.#behind(messages, goesOn)));

        this.seq = goesOn ? Math.max(this.seq, top) : top;
        this.epoch = epoch;
        this.known = true;
        this.answer = null;
        if (this.seq >= this.expected) this.expected = 0;
        this.requestedAt = this.expected ? now : 0;
        for (const seq of this.covered) this.held.delete(seq);
        this.covered = [];
        if (this.isPrivate) news.push(...this.#drain());
        else this.held.clear(); // the room's server held it back itself: it comes again
        const live = news.filter(({ seq }) => seq >= from);
        const batch = { stream: this.name, kind, epoch, messages: news, gap, older, live };
        return { batch: /** @type {Batch} */ (batch), restarted: known && !goesOn };
    }

    /**
     * @param {Message[]} messages @param {boolean} goesOn are the numbers those that are known?
     * @returns {number} index of the first one that follows what is known
     */
    #behind(messages, goesOn) {
        for (let i = messages.length; i > 0; i--) {
            const { seq, id } = messages[i - 1];
            if (goesOn ? seq <= this.seq : this.seen.has(id)) return i;
        }
        return 0;
    }

    /** @param {Message[]} messages @returns {boolean} are numbers those that they were? */
    #agrees(messages) {
        return messages.every(({ seq, id }) => seq > this.seq || this.seen.has(id));
    }

    /** @param {Message[]} messages @returns {boolean} does it go on behind what is known? */
    #holdsLast(messages) {
        return this.known && messages.some((m) => m.seq === this.seq && this.seen.has(m.id));
    }

    /**
     * @param {Message[]} messages
     * @returns {Message[]} those not given before. A message that was sent again because Redis
     *   lost it has another id and number, but the cid that it had
     */
    #news(messages) {
        const news = messages.filter(({ id, user, cid, timestamp }) => {
            if (this.seen.has(id)) return false;
            const before = cid ? this.seen.get(`${user} ${cid}`) : undefined;
            return before === undefined || Math.abs(timestamp - before) >= DEDUPE_MS;
        });
        for (const { id, user, cid, timestamp } of messages) {
            this.seen.set(id, timestamp);
            if (cid) this.seen.set(`${user} ${cid}`, timestamp);
        }
        for (const key of this.seen.keys()) {
            if (this.seen.size <= SEEN_KEPT) break;
            this.seen.delete(key);
        }
        return news;
    }
}

/**
 * A question that every living server answers at once.
 * @param {Map<string, StreamState>} streams @param {string} username
 * @returns {import('./connection.js').Probe}
 */
export function probeOf(streams, username) {
    const isError = (/** @type {Frame} */ frame) => frame.type === 'error' && !frame.cid;
    for (const { name, joined, canResume, epoch, seq } of streams.values()) {
        if (!joined || !canResume) continue;
        const request = { type: 'join', room: name, epoch, seq };
        return {
            request,
            isAnswer: (f) => isError(f) || (f.type === 'joined' && f.room === name),
        };
    }
    const limit = streams.has(`@${username}`) ? 100 : 1; // it is taken for the conversation's
    const request = { type: 'history', to: username, limit };
    return { request, isAnswer: (f) => isError(f) || (f.type === 'history' && f.to === username) };
}
