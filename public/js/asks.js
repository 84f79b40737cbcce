/** Questions whose answer carries their cid: pages of history and searches. */
import { randomId } from './outbox.js';

/** @typedef {import('./types.js').Frame} Frame */
/** @typedef {import('./types.js').Request} Request */

const ANSWER_MS = 15_000;

/** Why there is no answer: the code of an error frame, or `offline`. */
export class Unanswered extends Error {
    /** @param {string} code @param {string} [message] */
    constructor(code, message) {
        super(message ?? code);
        this.code = code;
    }
}

/**
 * @typedef {object} Waiting
 * @property {(frame: Frame) => void} done
 * @property {(code: string, message?: string) => void} fail
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
            /** @param {string} code @param {string} [message] */
            const fail = (code, message) => {
                end();
                reject(new Unanswered(code, message));
            };
            const timer = setTimeout(() => fail('offline'), ANSWER_MS);
            this.open.set(cid, { done, fail });
            if (!this.send({ ...frame, cid })) fail('offline');
        });
    }

    /** @param {Frame} frame @returns {boolean} whether it was the answer to one of them */
    take(frame) {
        const ask = this.open.get(frame.cid ?? '');
        if (!ask) return false;
        if (frame.type === 'error') ask.fail(String(frame.code), frame.message);
        else ask.done(frame);
        return true;
    }

    disconnected() {
        for (const { fail } of [...this.open.values()]) fail('offline');
    }
}
