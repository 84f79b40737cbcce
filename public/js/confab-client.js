/**
 * A client of confab: says hello, joins, sends, resumes after every break and tells what it
 * learns by events. It holds no list of messages and knows nothing of a page, so it runs in a
 * browser and in node (give it a WebSocket class there).
 *
 *     const client = new ConfabClient({ url: 'ws://localhost:8080/ws', session: randomId() });
 *     client.on('messages', ({ stream, messages }) => …);
 *     client.connect('alice');
 *     client.join('general');
 *     client.sendMessage('general', 'hi');   // any time, also without a connection
 *
 * Promises: each message of a joined stream is given once and in order; what is lost is said
 * (`gap`); what the user wrote is sent once, or reported as failed. See docs/PROTOCOL.md.
 */
import { Connection } from './connection.js';
import { Emitter } from './emitter.js';
import { Outbox } from './outbox.js';
import { address, streamOf, StreamState } from './stream.js';

/** @typedef {import('./types.js').Frame} Frame */
/** @typedef {import('./types.js').Request} Request */
/** @typedef {import('./types.js').Message} Message */
/** @typedef {import('./types.js').Stream} Stream */
/** @typedef {import('./types.js').Batch} Batch */
/** @typedef {import('./types.js').StateEvent} StateEvent */
/** @typedef {import('./types.js').ClientEvents} ClientEvents */
/** @typedef {import('./connection.js').Probe} Probe */

const TYPING_EVERY_MS = 3_000;
const PAGE_MESSAGES = 50;
const REQUEST_MS = 10_000; // a join or history without an answer is asked again
const RESUME_BYTES = 24_000; // of one hello; what does not fit is joined afterwards

/**
 * @typedef {object} ClientOptions
 * @property {string} url
 * @property {string} session
 * @property {string} [token]
 * @property {typeof WebSocket} [WebSocket]
 * @property {() => number} [random]
 * @property {import('./types.js').OutboxStorage} [storage]
 */

/** @extends {Emitter<ClientEvents>} */
export class ConfabClient extends Emitter {
    /** @param {ClientOptions} options */
    constructor(options) {
        super();
        this.session = options.session;
        this.token = options.token;
        this.username = '';
        this.degraded = false;
        /** @type {import('./types.js').Limits|null} of the latest welcome */
        this.limits = null;
        /** @type {Map<Stream, StreamState>} wanted rooms and known conversations */
        this.streams = new Map();
        /** @type {Map<Stream, number>} when typing was last told */
        this.typedAt = new Map();
        /** @type {ReturnType<typeof setTimeout>|undefined} */
        this.requestTimer = undefined;
        this.connection = new Connection({
            ...options,
            hello: () => this.#hello(),
            probe: () => this.#probe(),
        });
        this.outbox = new Outbox({
            storage: options.storage,
            send: (frame) => this.connection.send(frame),
            ready: (stream) => this.online && (this.streams.get(stream)?.settled ?? false),
        });
        this.connection.on('state', (status) => this.#stateChanged(status));
        this.connection.on('frame', (frame) => this.#received(frame));
        this.outbox.on('change', (stream) => this.emit('outbox', { stream }));
        this.outbox.on('hold', (detail) => this.emit('hold', detail));
    }

    get online() {
        return this.connection.status.state === 'online';
    }

    /** @param {string} username */
    connect(username) {
        this.username = username.normalize('NFC');
        this.connection.open();
    }

    /** Leaves for good: forgets all streams. The outbox keeps what was not sent. */
    disconnect() {
        clearTimeout(this.requestTimer);
        this.connection.close();
        this.streams.clear();
    }

    /** Do not wait for the next attempt; see Connection.wake(). */
    wake() {
        this.connection.wake();
    }

    /** @param {string} room Also without a connection: it is joined on the next one. */
    join(room) {
        this.#open(room.normalize('NFC'));
    }

    /** @param {string} user Asks for the conversation with a user, and keeps it up to date. */
    openPrivate(user) {
        this.#open(`@${user.normalize('NFC')}`);
    }

    /** @param {string} room */
    leave(room) {
        const stream = this.streams.get(room);
        if (!stream) return;
        this.streams.delete(room);
        this.outbox.discardStream(room);
        if (this.online) this.connection.send({ type: 'leave', room });
        this.emit('left', { stream: room });
    }

    /** @param {Stream} stream @param {string} content */
    sendMessage(stream, content) {
        this.#open(stream);
        return this.outbox.add(stream, content);
    }

    /** @param {Stream} stream Call it at each key: it is told at most every 3 s. */
    typing(stream) {
        const now = Date.now();
        if (!this.streams.get(stream)?.settled) return;
        if (now - (this.typedAt.get(stream) ?? 0) < TYPING_EVERY_MS) return;
        if (this.connection.send({ type: 'typing', ...address(stream) }))
            this.typedAt.set(stream, now);
    }

    /** @param {Stream} stream @param {number} seq @returns {boolean} whether it was told */
    read(stream, seq) {
        if (!this.online || !this.streams.get(stream)?.settled) return false;
        return this.connection.send({ type: 'read', ...address(stream), seq });
    }

    /**
     * @param {Stream} name @param {number} before number of the oldest message that is there
     * @returns {boolean} whether a `messages` event of kind older will come
     */
    loadOlder(name, before) {
        const stream = this.streams.get(name);
        if (!this.online || !stream?.settled || stream.olderThan) return false;
        stream.olderThan = before;
        const frame = { type: 'history', ...address(name), before, limit: PAGE_MESSAGES };
        return this.connection.send(frame);
    }

    /** @param {Stream} name */
    #open(name) {
        if (this.streams.has(name)) return;
        const stream = new StreamState(name);
        this.streams.set(name, stream);
        this.#request(stream);
    }

    /** @param {StreamState} stream Asks for what is missing, or for the latest messages. */
    #request(stream) {
        if (!this.online || stream.requestedAt) return;
        stream.requestedAt = Date.now();
        const resume = stream.canResume ? { epoch: stream.epoch, seq: stream.seq } : {};
        if (stream.isPrivate) this.connection.send({ type: 'history', ...address(stream.name) });
        else this.connection.send({ type: 'join', room: stream.name, ...resume });
    }

    /** @returns {Request} */
    #hello() {
        /** @type {Record<string, {epoch: string, seq: number}>} */
        const resume = {};
        let bytes = 0;
        for (const stream of this.streams.values()) {
            if (!stream.canResume) continue;
            bytes += 4 * stream.name.length + stream.epoch.length + 60;
            if (bytes > RESUME_BYTES) break;
            resume[stream.name] = { epoch: stream.epoch, seq: stream.seq };
            stream.requestedAt = Date.now();
        }
        const { username, session, token } = this;
        const frame = { type: 'hello', username, session, resume };
        return token ? { ...frame, token } : frame;
    }

    /** @returns {Probe|null} none while Redis is away: then even a living server has no answer */
    #probe() {
        if (this.degraded) return null;
        const isError = (/** @type {Frame} */ frame) => frame.type === 'error' && !frame.cid;
        for (const { name, joined, canResume, epoch, seq } of this.streams.values()) {
            if (!joined || !canResume) continue;
            const request = { type: 'join', room: name, epoch, seq };
            return {
                request,
                isAnswer: (f) => isError(f) || (f.type === 'joined' && f.room === name),
            };
        }
        const to = this.username;
        const request = { type: 'history', to, limit: 1 };
        return { request, isAnswer: (f) => isError(f) || (f.type === 'history' && f.to === to) };
    }

    /** @param {StateEvent} status */
    #stateChanged(status) {
        if (status.state === 'connecting') this.degraded = false; // the next one speaks for itself
        if (status.state === 'waiting' || status.state === 'stopped' || status.state === 'idle') {
            for (const stream of this.streams.values()) stream.disconnected();
            this.outbox.disconnected();
            this.typedAt.clear();
        }
        this.emit('state', status);
    }

    /** @param {Frame} frame */
    #received(frame) {
        switch (frame.type) {
            case 'welcome':
                return this.#welcomed(frame);
            case 'joined':
                return this.#joined(frame);
            case 'history':
                return this.#history(frame);
            case 'message':
            case 'private':
                return this.#message(frame);
            case 'ack':
                return this.#acknowledged(frame);
            case 'heartbeat':
                return this.#heartbeat(frame);
            case 'resync':
                return this.#resync(frame);
            case 'error':
                return this.#refused(frame);
            case 'presence':
                return this.emit('presence', frame);
            case 'status':
                return this.#status(frame);
            case 'typing':
            case 'read':
                return this.#sign(frame);
        }
    }

    /** @param {Frame} frame */
    #status(frame) {
        this.degraded = frame.state !== 'ok';
        this.emit('status', { ok: !this.degraded, reason: frame.reason ?? '' });
    }

    /** @param {Frame} frame */
    #welcomed(frame) {
        this.username = frame.user ?? this.username;
        this.session = frame.session ?? this.session;
        this.limits = frame.limits ?? this.limits;
        this.outbox.release();
        this.emit('welcome', frame);
        for (const entry of this.outbox.entries) this.#open(entry.stream);
        for (const stream of this.streams.values()) this.#request(stream);
        this.#compareTops(frame.private ?? {});
    }

    /** @param {Record<string, number>} tops */
    #compareTops(tops) {
        for (const [name, seq] of Object.entries(tops)) {
            const stream = this.streams.get(name);
            if (stream?.known && seq > stream.seq) this.#request(stream);
            else if (!stream && name.startsWith('@')) this.#open(name);
        }
    }

    /** @param {Frame} frame */
    #heartbeat(frame) {
        for (const stream of this.streams.values()) {
            if (!stream.requestedAt || Date.now() - stream.requestedAt < REQUEST_MS) continue;
            stream.requestedAt = 0;
            this.#request(stream);
        }
        this.#compareTops(frame.top ?? {});
    }

    /** @param {Frame} frame */
    #joined(frame) {
        const stream = this.streams.get(streamOf(frame));
        if (!stream) return; // left before the answer came
        stream.joined = true;
        stream.answer = frame;
        this.emit('joined', frame);
    }

    /** @param {Frame} frame */
    #history(frame) {
        const stream = this.streams.get(streamOf(frame));
        if (!stream) return;
        if (stream.isOlderPage(frame)) {
            this.emit('messages', stream.takeOlder(frame));
            return;
        }
        const { batch, verified, restarted } = stream.takeHistory(frame);
        this.emit('messages', batch);
        this.#arrived(batch.messages);
        this.outbox.shown(stream.name, restarted ? Infinity : stream.seq);
        this.outbox.settled(stream.name, verified);
        if (stream.held.size) this.#request(stream);
    }

    /** @param {Frame} frame */
    #message(frame) {
        const message = /** @type {Message} */ (/** @type {unknown} */ (frame));
        const name = frame.room ?? this.#conversation(frame);
        if (!this.streams.has(name) && frame.type === 'private') this.#open(name);
        const stream = this.streams.get(name);
        if (!stream) return;
        const messages = stream.take(message);
        if (!messages) {
            this.#request(stream);
        } else if (messages.length) {
            const { epoch } = stream;
            this.emit('messages', {
                stream: name,
                kind: 'live',
                epoch,
                messages,
                gap: null,
                more: false,
            });
            this.#arrived(messages);
        }
    }

    /** @param {Frame} frame @returns {Stream} the conversation is with the other one of the two */
    #conversation(frame) {
        return `@${frame.user === this.username ? frame.to : frame.user}`;
    }

    /** @param {Message[]} messages */
    #arrived(messages) {
        for (const message of messages)
            if (message.cid && message.user === this.username) this.outbox.arrived(message.cid);
    }

    /** @param {Frame} frame */
    #acknowledged(frame) {
        const { cid = '', seq = 0 } = frame;
        this.outbox.acknowledged(cid, seq);
        const stream = this.streams.get(streamOf(frame));
        if (stream?.settled) this.outbox.shown(stream.name, stream.seq);
    }

    /** @param {Frame} frame */
    #resync(frame) {
        const stream = this.streams.get(streamOf(frame));
        if (!stream) return;
        stream.requestedAt = 0;
        this.#request(stream);
    }

    /** @param {Frame} frame typing or read, of somebody */
    #sign(frame) {
        const { user = '', seq = 0 } = frame;
        const stream = frame.room ?? this.#conversation(frame);
        if (frame.type === 'read') this.emit('read', { stream, user, seq });
        else if (user !== this.username) this.emit('typing', { stream, user });
    }

    /** @param {Frame} frame */
    #refused(frame) {
        const { cid, message = '', temporary = false, retry_after_ms = 1000 } = frame;
        const code = String(frame.code);
        if (cid) {
            this.outbox.refused(cid, code, temporary, retry_after_ms);
        } else if (temporary) {
            clearTimeout(this.requestTimer);
            this.requestTimer = setTimeout(() => this.#requestAgain(), retry_after_ms);
        } else if (this.connection.status.state === 'greeting') {
            this.connection.close();
            this.emit('refused', { stream: '', code, message });
        } else if (frame.field === 'room') {
            const stream = [...this.streams.values()].find(
                (s) => s.requestedAt && !s.joined && !s.isPrivate,
            );
            if (!stream) return;
            this.streams.delete(stream.name);
            this.emit('refused', { stream: stream.name, code, message });
        } else {
            for (const stream of this.streams.values()) stream.olderThan = 0;
        }
    }

    /** The server could not answer a join or a history for a while. */
    #requestAgain() {
        for (const stream of this.streams.values()) {
            stream.olderThan = 0;
            if (!stream.requestedAt) continue;
            stream.requestedAt = 0;
            this.#request(stream);
        }
    }
}
