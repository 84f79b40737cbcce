/** Questions whose answer carries their cid: pages, searches, events and acts on rooms. */
import { randomId } from './outbox.js';

/** @typedef {import('./types.js').Frame} Frame */
/** @typedef {import('./types.js').Request} Request */

const ANSWER_MS = 15_000;

/** Why there is no answer: the code of an error frame, or `offline`. */
export class Unanswered extends Error {
    /** @param {string} code @param {string} [message] @param {number} [ms] until it may be tried */
    constructor(code, message, ms = 0) {
        super(message ?? code);
        this.code = code;
        this.retryAfterMs = ms;
    }
}

/**
 * @typedef {object} Waiting
 * @property {(frame: Frame) => void} done
 * @property {(code: string, message?: string, ms?: number) => void} fail
 */

export class Asks {
    /** @param {(frame: Request) => boolean} send */
    constructor(send) {
        this.send = send;
        /** @type {Map<string, Waiting>} by cid */
        this.open = new Map();
    }

    /** @param {Request} frame @returns {Promise<Frame>} rejects with Unanswered */
    ask(frame) {
        const cid = randomId();
        return new Promise((resolve, reject) => {
            const end = () => {
                clearTimeout(timer);
                this.open.delete(cid);
            };
            /** @param {Frame} answer */
            const done = (answer) => {
                end();
                resolve(answer);
            };
            /** @param {string} code @param {string} [message] @param {number} [ms] */
            const fail = (code, message, ms) => {
                end();
                reject(new Unanswered(code, message, ms));
            };
            const timer = setTimeout(() => fail('offline'), ANSWER_MS);
            this.open.set(cid, { done, fail });
            if (!this.send({ ...frame, cid })) fail('offline');
        });
    }

    /** @param {Frame} frame @returns {boolean} whether it was the answer to one of them */
    take(frame) {
        const ask = this.open.get(frame.cid ?? '');
        // An event has the cid of its request, and comes to all alike.
        if (!ask || frame.type === 'message' || frame.type === 'private') return false;
        if (frame.type === 'error')
            ask.fail(String(frame.code), frame.message, frame.retry_after_ms);
        else ask.done(frame);
        return true;
    }

    disconnected() {
        for (const { fail } of [...this.open.values()]) fail('offline');
    }
}
