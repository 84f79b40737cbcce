/**
 * What the user wrote and Redis has not confirmed yet.
 *
 * Order: of each stream one message is under way, the next one goes when it is answered.
 * Recording: that a message was sent is recorded before it is sent, so that no reload or crash
 * forgets a first attempt.
 * Repeating: the same `cid` each time, so that a message whose ack got lost is stored once.
 * Redis recognises a cid for DEDUPE_MS; after that a repeat is safe only when what was said
 * since shows that the message did not arrive, else the user decides.
 */
import { Emitter } from './emitter.js';

/** @typedef {import('./types.js').Outgoing} Outgoing */
/** @typedef {import('./types.js').OutboxStorage} OutboxStorage */
/** @typedef {import('./types.js').Request} Request */
/** @typedef {import('./types.js').Stream} Stream */
/** @typedef {ReturnType<typeof setTimeout>} Timer */

const DEDUPE_MS = 290_000; // the protocol says 300 s; a little less for the way to Redis
const ACK_MS = 10_000; // then the message is repeated

/** @returns {string} 16 hexadecimal digits; works without a secure context */
export function randomId() {
    const words = new Uint32Array(2);
    if (globalThis.crypto) globalThis.crypto.getRandomValues(words);
    else words.forEach((_, i) => (words[i] = Math.random() * 2 ** 32));
    return [...words].map((word) => word.toString(16).padStart(8, '0')).join('');
}

/**
 * @typedef {object} OutboxOptions
 * @property {(frame: Request) => boolean} send   false: not connected
 * @property {(stream: Stream) => boolean} ready  may messages for this stream be sent now?
 * @property {(stream: Stream) => void} [doubt]   did an old message arrive? settled() follows
 * @property {OutboxStorage} [storage]
 */

/**
 * change: entries of a stream changed. loaded: those from before are here. silent: a message
 * got no answer. hold: the server asks for patience.
 * @typedef {{
 *   change: Stream,
 *   loaded: null,
 *   silent: null,
 *   hold: {code: string, until: number, stream: Stream},
 * }} OutboxEvents
 * @extends {Emitter<OutboxEvents>}
 */
export class Outbox extends Emitter {
    /** @param {OutboxOptions} options */
    constructor(options) {
        super();
        this.options = options;
        /** @type {Outgoing[]} in the order in which they were written */
        this.entries = [];
        /** @type {Set<string>} cids that the storage does not know */
        this.unkept = new Set();
        this.newest = 0; // `created` of the latest entry: no two are the same
        /** @type {Map<Stream, {timer: Timer, end: number}>} the server asks for patience; "": all */
        this.holds = new Map();
        /** @type {Map<string, Timer>} by cid, of those under way */
        this.ackTimers = new Map();
        this.loaded = !options.storage;
        if (options.storage) void this.#load(options.storage);
    }

    /** @param {Stream} stream @param {string} content @returns {Outgoing} */
    add(stream, content) {
        this.newest = Math.max(Date.now(), this.newest + 1);
        /** @type {Outgoing} */
        const entry = {
            cid: randomId(),
            stream,
            content,
            created: this.newest,
            firstSent: 0,
            state: 'waiting',
            seq: 0,
            error: '',
        };
        this.entries.push(entry);
        this.unkept.add(entry.cid);
        this.flush();
        if (this.unkept.has(entry.cid)) void this.#keep(entry);
        this.emit('change', stream);
        return entry;
    }

    /** @param {Stream} stream @returns {Outgoing[]} */
    of(stream) {
        return this.entries.filter((entry) => entry.stream === stream);
    }

    /** Sends what may be sent now. */
    flush() {
        if (!this.loaded || this.holds.has('')) return;
        const sent = this.entries.filter((entry) => entry.state === 'sent');
        const busy = new Set([...this.holds.keys(), ...sent.map((entry) => entry.stream)]);
        for (const entry of [...this.entries]) {
            if (entry.state !== 'waiting' || busy.has(entry.stream)) continue;
            busy.add(entry.stream);
            if (!this.options.ready(entry.stream)) continue;
            if (this.#isOld(entry)) this.options.doubt?.(entry.stream);
            else this.#transmit(entry);
        }
    }

    /** @param {string} cid The user wants a failed message to go out after all. */
    retry(cid) {
        const entry = this.#find(cid);
        if (entry?.state !== 'failed') return;
        entry.state = 'waiting';
        entry.error = '';
        entry.firstSent = 0; // an informed decision: no further doubt about this one
        this.unkept.add(cid); // and it is this page's, whoever had it
        this.flush();
        if (this.unkept.has(cid)) void this.#keep(entry);
        this.emit('change', entry.stream);
    }

    /** @param {string} cid */
    discard(cid) {
        const entry = this.#find(cid);
        if (entry) this.#remove(entry);
    }

    /** @param {Stream} stream All that was written for it is given up. */
    discardStream(stream) {
        for (const entry of this.of(stream)) this.#remove(entry);
    }

    /** @param {string} cid @param {number} seq Redis has it; it stays until it is shown. */
    acknowledged(cid, seq) {
        const entry = this.#find(cid);
        if (!entry) return;
        this.#stopTimer(cid);
        entry.state = 'stored';
        entry.seq = seq;
        this.#forget(cid);
        this.emit('change', entry.stream);
        this.flush();
    }

    /** @param {string} cid Its message is in the stream. */
    arrived(cid) {
        const entry = this.#find(cid);
        if (!entry) return;
        this.#remove(entry);
        this.flush();
    }

    /**
     * A message was refused.
     * @param {string} cid
     * @param {string} code
     * @param {boolean} temporary
     * @param {number} retryAfterMs
     */
    refused(cid, code, temporary, retryAfterMs) {
        const entry = this.#find(cid);
        if (!entry || entry.state !== 'sent') return;
        if (temporary) {
            this.#stopTimer(cid);
            entry.state = 'waiting';
            // Redis looked for the cid first: the message is not there.
            if (code === 'rate_limited' || code === 'slow_mode') entry.firstSent = 0;
            const stream = code === 'slow_mode' ? entry.stream : '';
            if (retryAfterMs > 0) this.hold(code, retryAfterMs, stream);
            this.emit('change', entry.stream);
        } else {
            this.#fail(entry, code);
        }
        this.flush();
    }

    /**
     * Nothing is sent for so long.
     * @param {string} code @param {number} ms @param {Stream} [stream] there; "": anywhere
     */
    hold(code, ms, stream = '') {
        const end = performance.now() + ms;
        const before = this.holds.get(stream);
        if (before && end < before.end) return;
        clearTimeout(before?.timer);
        this.holds.set(stream, { timer: setTimeout(() => this.#resume(stream), ms), end });
        this.emit('hold', { code, until: Date.now() + ms, stream });
    }

    /** @param {Stream} stream */
    #resume(stream) {
        this.holds.delete(stream);
        this.flush();
    }

    /** The time of patience is over. */
    release() {
        for (const { timer } of this.holds.values()) clearTimeout(timer);
        this.holds.clear();
        this.flush();
    }

    /** The connection is gone: what was under way is repeated on the next one. */
    disconnected() {
        for (const entry of this.entries) {
            if (entry.state !== 'sent') continue;
            this.#stopTimer(entry.cid);
            entry.state = 'waiting';
            this.emit('change', entry.stream);
        }
    }

    /**
     * The stream has been shown up to seq.
     * @param {Stream} stream @param {number} seq
     */
    shown(stream, seq) {
        for (const entry of this.of(stream))
            if (entry.state === 'stored' && entry.seq <= seq) this.#remove(entry);
    }

    /**
     * The stream is known again up to its top, and what had arrived is removed.
     * @param {Stream} stream
     * @param {number} since everything said after that is known: what was sent after it and is
     *   still here did not arrive
     */
    settled(stream, since) {
        for (const entry of this.of(stream)) {
            if (entry.state !== 'waiting' || !this.#isOld(entry)) continue;
            if (entry.firstSent >= since) entry.firstSent = 0;
            else this.#fail(entry, 'uncertain');
        }
        this.flush();
    }

    /** @param {OutboxStorage} storage */
    async #load(storage) {
        /** @type {Outgoing[]} */
        let found = [];
        try {
            found = await storage.load((late) => this.#take(late));
        } catch {} // nothing can be had from there
        this.loaded = true;
        this.#take(found);
    }

    /** @param {Outgoing[]} found They are older than those that are here. */
    #take(found) {
        for (const entry of found) {
            if (entry.state === 'sent') entry.state = 'waiting';
            this.newest = Math.max(this.newest, entry.created);
        }
        this.entries.unshift(...found);
        for (const stream of new Set(found.map((entry) => entry.stream)))
            this.emit('change', stream);
        this.emit('loaded', null);
        this.flush();
    }

    /** @param {Outgoing} entry @returns {Promise<boolean>} whether it is this page's to send */
    async #keep(entry) {
        const { storage } = this.options;
        const isNew = this.unkept.delete(entry.cid);
        try {
            return (await (isNew ? storage?.add(entry) : storage?.update(entry))) ?? true;
        } catch {
            return true; // it lives as long as this page
        }
    }

    /** @param {string} cid */
    #forget(cid) {
        this.unkept.delete(cid);
        try {
            this.options.storage?.remove(cid);
        } catch {} // it is found again, and recognised by its cid
    }

    /** @param {Outgoing} entry */
    #transmit(entry) {
        const timer = setTimeout(() => this.#unanswered(entry), ACK_MS);
        this.ackTimers.set(entry.cid, timer);
        entry.state = 'sent';
        entry.firstSent ||= Date.now();
        this.emit('change', entry.stream);
        if (!this.options.storage) {
            this.#send(entry);
            return;
        }
        void this.#keep(entry).then((isMine) => {
            if (this.ackTimers.get(entry.cid) !== timer) return; // the connection ended, say
            if (isMine) this.#send(entry);
            else this.#fail(entry, 'uncertain'); // if the other page sends it, it arrives here too
            this.flush();
        });
    }

    /** @param {Outgoing} entry */
    #send({ cid, stream, content }) {
        const to = stream.startsWith('@') ? stream.slice(1) : '';
        const where = to ? { type: 'private', to } : { type: 'message', room: stream };
        this.options.send({ ...where, content, cid }); // if it fails, disconnected() follows
    }

    /** @param {Outgoing} entry */
    #unanswered(entry) {
        if (entry.state !== 'sent') return;
        this.#stopTimer(entry.cid);
        entry.state = 'waiting';
        this.emit('change', entry.stream);
        this.emit('silent', null);
        this.flush();
    }

    /** @param {Outgoing} entry */
    #isOld(entry) {
        // Either way: clocks are set back, too.
        return entry.firstSent > 0 && Math.abs(Date.now() - entry.firstSent) > DEDUPE_MS;
    }

    /** @param {Outgoing} entry @param {string} code */
    #fail(entry, code) {
        this.#stopTimer(entry.cid);
        entry.state = 'failed';
        entry.error = code;
        void this.#keep(entry);
        this.emit('change', entry.stream);
    }

    /** @param {Outgoing} entry */
    #remove(entry) {
        this.#stopTimer(entry.cid);
        this.entries = this.entries.filter((other) => other !== entry);
        if (entry.state !== 'stored') this.#forget(entry.cid);
        this.emit('change', entry.stream);
    }

    /** @param {string} cid */
    #stopTimer(cid) {
        clearTimeout(this.ackTimers.get(cid));
        this.ackTimers.delete(cid);
    }

    /** @param {string} cid */
    #find(cid) {
        return this.entries.find((entry) => entry.cid === cid);
    }
}
