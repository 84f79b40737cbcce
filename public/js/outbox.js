/**
 * What the user wrote and Redis has not confirmed yet.
 *
 * Order: of each stream one message is under way, the next one goes when it is answered.
 * Repeating: the same `cid` each time, so that a message whose ack got lost is stored once.
 * Redis recognises a cid for DEDUPE_MS; after that a repeat is safe only when the history
 * shows that the message did not arrive (`verified`), else the user decides.
 */
import { Emitter } from './emitter.js';

/** @typedef {import('./types.js').Outgoing} Outgoing */
/** @typedef {import('./types.js').OutboxStorage} OutboxStorage */
/** @typedef {import('./types.js').Request} Request */
/** @typedef {import('./types.js').Stream} Stream */

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
 * @property {OutboxStorage} [storage]
 */

/** @extends {Emitter<{change: Stream, hold: {code: string, until: number}}>} */
export class Outbox extends Emitter {
    /** @param {OutboxOptions} options */
    constructor(options) {
        super();
        this.options = options;
        /** @type {Outgoing[]} in the order in which they were written */
        this.entries = (options.storage?.load() ?? []).map((entry) =>
            entry.state === 'sent' ? { ...entry, state: 'waiting' } : entry,
        );
        /** @type {ReturnType<typeof setTimeout>|undefined} while the server asks for patience */
        this.holdTimer = undefined;
        this.holdEnd = 0;
        /** @type {Map<string, ReturnType<typeof setTimeout>>} by cid */
        this.ackTimers = new Map();
    }

    /** @param {Stream} stream @param {string} content @returns {Outgoing} */
    add(stream, content) {
        /** @type {Outgoing} */
        const entry = {
            cid: randomId(),
            stream,
            content,
            created: Date.now(),
            firstSent: 0,
            state: 'waiting',
            seq: 0,
            error: '',
        };
        this.entries.push(entry);
        this.#changed(stream);
        this.flush();
        return entry;
    }

    /** @param {Stream} stream @returns {Outgoing[]} */
    of(stream) {
        return this.entries.filter((entry) => entry.stream === stream);
    }

    /** Sends what may be sent now. */
    flush() {
        if (this.holdTimer) return;
        const sent = this.entries.filter((entry) => entry.state === 'sent');
        const busy = new Set(sent.map((entry) => entry.stream));
        for (const entry of this.entries) {
            if (entry.state !== 'waiting' || busy.has(entry.stream)) continue;
            busy.add(entry.stream);
            if (this.options.ready(entry.stream)) this.#transmit(entry);
        }
    }

    /** @param {string} cid The user wants a failed message to go out after all. */
    retry(cid) {
        const entry = this.#find(cid);
        if (entry?.state !== 'failed') return;
        entry.state = 'waiting';
        entry.error = '';
        entry.firstSent = 0; // an informed decision: no further doubt about this one
        this.#changed(entry.stream);
        this.flush();
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
        this.#changed(entry.stream);
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
        this.#stopTimer(cid);
        entry.state = temporary ? 'waiting' : 'failed';
        entry.error = temporary ? '' : code;
        if (temporary) {
            // Redis did not take it: the dedupe window need not be feared.
            if (code === 'rate_limited') entry.firstSent = 0;
            this.hold(code, retryAfterMs);
        }
        this.#changed(entry.stream);
        this.flush();
    }

    /** @param {string} code @param {number} ms Nothing is sent for so long. */
    hold(code, ms) {
        const end = performance.now() + ms;
        if (this.holdTimer && end < this.holdEnd) return;
        this.holdEnd = end;
        clearTimeout(this.holdTimer);
        this.holdTimer = setTimeout(() => this.release(), ms);
        this.emit('hold', { code, until: Date.now() + ms });
    }

    /** The time of patience is over. */
    release() {
        clearTimeout(this.holdTimer);
        this.holdTimer = undefined;
        this.flush();
    }

    /** The connection is gone: what was under way is repeated on the next one. */
    disconnected() {
        for (const entry of this.entries) {
            if (entry.state !== 'sent') continue;
            this.#stopTimer(entry.cid);
            entry.state = 'waiting';
            this.#changed(entry.stream);
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
     * @param {Stream} stream @param {boolean} verified the history leaves no doubt about the rest
     */
    settled(stream, verified) {
        for (const entry of this.of(stream)) {
            if (entry.state !== 'waiting' || !this.#isOld(entry)) continue;
            if (verified) entry.firstSent = 0;
            else this.#fail(entry, 'uncertain');
        }
        this.flush();
    }

    /** @param {Outgoing} entry */
    #transmit(entry) {
        const to = entry.stream.startsWith('@') ? entry.stream.slice(1) : '';
        const where = to ? { type: 'private', to } : { type: 'message', room: entry.stream };
        if (!this.options.send({ ...where, content: entry.content, cid: entry.cid })) return;
        entry.state = 'sent';
        entry.firstSent ||= Date.now();
        this.ackTimers.set(
            entry.cid,
            setTimeout(() => this.#unanswered(entry), ACK_MS),
        );
        this.#changed(entry.stream);
    }

    /** @param {Outgoing} entry */
    #unanswered(entry) {
        if (entry.state !== 'sent') return;
        if (this.#isOld(entry)) this.#fail(entry, 'uncertain');
        else entry.state = 'waiting';
        this.#changed(entry.stream);
        this.flush();
    }

    /** @param {Outgoing} entry */
    #isOld(entry) {
        return entry.firstSent > 0 && Date.now() - entry.firstSent > DEDUPE_MS;
    }

    /** @param {Outgoing} entry @param {string} code */
    #fail(entry, code) {
        entry.state = 'failed';
        entry.error = code;
        this.#changed(entry.stream);
    }

    /** @param {Outgoing} entry */
    #remove(entry) {
        this.#stopTimer(entry.cid);
        this.entries = this.entries.filter((other) => other !== entry);
        this.#changed(entry.stream);
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

    /** @param {Stream} stream */
    #changed(stream) {
        this.options.storage?.save(this.entries.filter((entry) => entry.state !== 'stored'));
        this.emit('change', stream);
    }
}
