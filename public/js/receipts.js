/**
 * What is to be told as received: gathered for a moment, since one frame says it of all messages
 * up to a number.
 */

/** @typedef {import('./types.js').Request} Request */

const GATHER_MS = 250;

/** @typedef {{to: string}|{room: string}|{mentions: true}} Where */

export class Receipts {
    /** @param {(frame: Request) => boolean} send  false: not connected */
    constructor(send) {
        this.send = send;
        this.wanted = false; // does the server of this connection want to hear it?
        /** @type {Map<string, Request>} by where it was received */
        this.waiting = new Map();
        /** @type {Map<string, string>} what was told last */
        this.told = new Map();
        /** @type {ReturnType<typeof setTimeout>|undefined} */
        this.timer = undefined;
    }

    /**
     * @param {Where} where @param {string} epoch @param {number} seq
     * @param {boolean} [atOnce] more comes only when the server knows
     */
    note(where, epoch, seq, atOnce = false) {
        const frame = { type: 'received', ...where, epoch, seq };
        const key = JSON.stringify(where);
        if (!epoch || !seq || this.told.get(key) === `${epoch} ${seq}`) return;
        this.waiting.set(key, frame);
        if (atOnce) this.flush();
        else this.timer ??= setTimeout(() => this.flush(), GATHER_MS);
    }

    /** Tells what waits, as before the page goes away. */
    flush() {
        clearTimeout(this.timer);
        this.timer = undefined;
        if (!this.wanted) return;
        for (const [key, frame] of this.waiting) {
            if (!this.send(frame)) return;
            this.waiting.delete(key);
            this.told.set(key, `${frame.epoch} ${frame.seq}`);
        }
    }

    /** The server of the next connection may know less, and may not want to hear any of it. */
    disconnected() {
        clearTimeout(this.timer);
        this.timer = undefined;
        this.wanted = false;
        this.told.clear();
    }
}
