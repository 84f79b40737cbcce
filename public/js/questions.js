/**
 * What a client asks the server and waits for: searches, events about messages, acts on rooms,
 * mentions. Each answers once; what comes of it is told to everybody by frames.
 */
import { Asks, Unanswered } from './asks.js';
import { Emitter } from './emitter.js';
import { address } from './stream.js';

/** @typedef {import('./types.js').Frame} Frame */
/** @typedef {import('./types.js').Stream} Stream */
/** @typedef {import('./types.js').Query} Query */
/** @typedef {import('./types.js').Cursor} Cursor */
/** @typedef {import('./types.js').Page} Page */
/** @typedef {import('./stream.js').StreamState} StreamState */
/** @typedef {import('./types.js').Mention} Mention */
/** @typedef {{seq: number, id?: string, epoch?: string}} Target  a message; seq is enough */

const PAGE_MESSAGES = 50;

/** @param {unknown} frames @returns {Mention[]} */
export const asMentions = (frames) => /** @type {Mention[]} */ (frames ?? []);

/** @extends {Emitter<import('./types.js').ClientEvents>} */
export class Questions extends Emitter {
    /** @param {(frame: import('./types.js').Request) => boolean} send  false: not connected */
    constructor(send) {
        super();
        this.asks = new Asks(send);
        /** @type {Map<Stream, StreamState>} wanted rooms and known conversations */
        this.streams = new Map();
    }

    /**
     * A page of what was said before.
     * @param {Stream} name @param {Cursor} cursor of another page, or one's own
     * @param {number} [limit]
     * @returns {Promise<Page>} rejects with Unanswered
     */
    async page(name, cursor, limit = PAGE_MESSAGES) {
        const stream = this.streams.get(name.normalize('NFC'));
        if (!stream?.settled) throw new Unanswered('offline');
        const frame = { type: 'history', ...address(stream.name), ...cursor, limit };
        const { epoch = '', messages = [], ...answer } = await this.asks.ask(frame);
        const { older = null, newer = null, missing = 0 } = answer;
        return { stream: stream.name, epoch, messages, older, newer, missing };
    }

    /** @param {Query} query @returns {Promise<Frame>} a `search`; rejects with Unanswered */
    search({ stream, ...query }) {
        const where = stream ? address(stream.normalize('NFC')) : {};
        return this.asks.ask({ type: 'search', ...where, ...query });
    }

    /**
     * Changes a message that oneself has written. As remove(), react() and room() it gives a
     * promise that rejects with Unanswered; what has changed comes as a message, see events.js.
     * @param {Stream} stream @param {Target} target @param {string} content
     * @returns {Promise<Frame>} an `ack`
     */
    edit(stream, target, content) {
        return this.#about('edit', stream, target, { content });
    }

    /** @param {Stream} stream @param {Target} target @returns {Promise<Frame>} */
    remove(stream, target) {
        return this.#about('delete', stream, target);
    }

    /**
     * @param {Stream} stream @param {Target} target @param {string} emoji
     * @param {{remove?: boolean}} [options] remove: takes it back
     * @returns {Promise<Frame>}
     */
    react(stream, target, emoji, { remove = false } = {}) {
        return this.#about('react', stream, target, { emoji, ...(remove && { remove }) });
    }

    /**
     * @param {string} type @param {Stream} stream @param {Target} target @param {object} [fields]
     * @returns {Promise<Frame>}
     */
    #about(type, stream, { seq, id, epoch }, fields = {}) {
        const where = address(stream.normalize('NFC'));
        const which = { seq, ...(id && { id }), ...(epoch && { epoch }) };
        return this.asks.ask({ type, ...where, ...which, ...fields });
    }

    /**
     * @param {string} room
     * @param {string} act as PROTOCOL.md lists them
     * @param {Record<string, unknown>} [fields] what it needs
     * @returns {Promise<Frame>} a `room` after `info` and `invite`, else an `ack`
     */
    room(room, act, fields = {}) {
        return this.asks.ask({ type: 'room', room: room.normalize('NFC'), act, ...fields });
    }

    /**
     * Who mentioned one.
     * @param {Cursor} [cursor] of another page @param {number} [limit]
     * @returns {Promise<{mentions: Mention[], epoch: string, older: Cursor|null}>}
     */
    async mentions({ before } = {}, limit = PAGE_MESSAGES) {
        const frame = { type: 'history', mentions: true, ...(before && { before }), limit };
        const { epoch = '', messages = [], older = null } = await this.asks.ask(frame);
        return { mentions: asMentions(messages), epoch, older };
    }
}
