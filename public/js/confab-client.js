/**
 * A client of confab: says hello, joins, sends, resumes after every break and tells what it
 * learns by events. It holds no list of messages and knows nothing of a page, so it runs in a
 * browser and in node. docs/CLIENT.md says how to use it.
 *
 * Promises: each message of a joined stream is given once and in order; what is lost is said
 * (`gap`); what the user wrote is sent once, or reported as failed.
 */
import { Connection } from './connection.js';
import { Outbox } from './outbox.js';
import { asMentions, Questions } from './questions.js';
import { Receipts } from './receipts.js';
import { address, probeOf, streamOf, StreamState } from './stream.js';

/** @typedef {import('./types.js').Frame} Frame */
/** @typedef {import('./types.js').Request} Request */
/** @typedef {import('./types.js').Message} Message */
/** @typedef {import('./types.js').Stream} Stream */
/** @typedef {import('./types.js').Batch} Batch */
/** @typedef {import('./types.js').Conversation} Conversation */
/** @typedef {import('./types.js').StateEvent} StateEvent */
/** @typedef {import('./types.js').ClientOptions} ClientOptions */

const TYPING_EVERY_MS = 3_000;
const REQUEST_MS = 10_000; // a join or history without an answer is asked again
const PAGE_MS = 60_000; // pages that come by themselves are asked for after so long
const REFUSED_MS = 1_000; // until joins are repeated when it is not clear which was refused
const RENEW_EVERY_MS = 10_000; // who needs new tokens faster than this is not wanted
const CODE_TOKEN = 4003;
const RESUME_BYTES = 24_000; // of one hello; what does not fit is joined afterwards
const OF_A_JOIN = ['private_room', 'banned', 'bad_invitation', 'account_needed', 'full'];

export class ConfabClient extends Questions {
    /** @param {ClientOptions} options */
    constructor(options) {
        super((frame) => this.online && this.connection.send(frame));
        this.session = options.session;
        this.token = options.token;
        this.shown = ''; // the latest token that the server got
        this.stale = '';
        this.renewedAt = -Infinity;
        this.username = '';
        this.first = ''; // a room that hello joins
        this.degraded = false;
        /** @type {import('./types.js').Limits|null} of the latest welcome */
        this.limits = null;
        /** @type {Map<Stream, number>} when typing was last told */
        this.typedAt = new Map();
        /** @type {ReturnType<typeof setTimeout>|undefined} */
        this.requestTimer = undefined;
        this.connection = new Connection({
            ...options,
            hello: () => this.#greet(),
            // none while Redis is away: then even a living server has no answer
            probe: () => (this.degraded ? null : probeOf(this.streams, this.username)),
        });
        this.outbox = new Outbox({
            storage: options.storage,
            send: (frame) => this.connection.send(frame),
            ready: (stream) => this.online && (this.streams.get(stream)?.settled ?? false),
            doubt: (stream) => this.#ask(stream),
        });
        this.receipts = new Receipts((frame) => this.online && this.connection.send(frame));
        /** up to where mentions were given */
        this.mentioned = { epoch: '', seq: 0 };
        /** @type {Map<Stream, string>} codes of invitations that are not used yet */
        this.invitations = new Map();
        this.connection.on('state', (status) => this.#stateChanged(status));
        this.connection.on('frame', (frame) => this.#received(frame));
        this.outbox.on('change', (stream) => this.emit('outbox', { stream }));
        this.outbox.on('loaded', () => this.#loaded());
        this.outbox.on('silent', () => this.connection.wake()); // is anybody there?
        this.outbox.on('hold', (detail) => this.emit('hold', detail));
    }

    get online() {
        return this.connection.status.state === 'online';
    }

    /** @param {string} username @param {Stream} [first] a room that was joined, wanted soonest */
    connect(username, first = '') {
        this.username = username.normalize('NFC');
        this.first = first;
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

    /**
     * @param {string} room Also without a connection: it is joined on the next one.
     * @param {{invite?: string}} [options] invite: the code of an invitation
     */
    join(room, { invite } = {}) {
        const stream = room.normalize('NFC');
        const isKnown = this.streams.has(stream);
        if (invite) this.invitations.set(stream, invite);
        this.#open(stream);
        if (invite && isKnown) this.#ask(stream);
    }

    /** @param {string} user Asks for the conversation with a user, and keeps it up to date. */
    openPrivate(user) {
        this.#open(`@${user}`);
    }

    /** @param {Stream} name What was written for it and not sent is given up. */
    leave(name) {
        const room = name.normalize('NFC');
        if (!this.streams.delete(room)) return;
        this.outbox.discardStream(room);
        if (this.online && !room.startsWith('@')) this.connection.send({ type: 'leave', room });
        this.emit('left', { stream: room, reason: '', until: 0 });
    }

    /** @param {Stream} name @param {string} content */
    sendMessage(name, content) {
        return this.outbox.add(this.#open(name).name, content);
    }

    /** @param {number} seq Mentions were looked at up to that one. */
    readMentions(seq) {
        return this.online && this.connection.send({ type: 'read', mentions: true, seq });
    }

    /** Tells the server now what was received: call it when the page goes away. */
    flush() {
        this.receipts.flush();
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

    /** @param {Stream} given @returns {StreamState} */
    #open(given) {
        const name = given.normalize('NFC');
        let stream = this.streams.get(name);
        if (stream) return stream;
        stream = new StreamState(name);
        this.streams.set(name, stream);
        this.#request(stream);
        return stream;
    }

    /** Entries from before are here, and what has arrived may have been shown before that. */
    #loaded() {
        for (const { cid, stream } of [...this.outbox.entries])
            if (this.streams.get(stream)?.hasSeen(this.username, cid)) this.outbox.arrived(cid);
        if (this.online) this.#openWaiting();
    }

    /** Streams that something waits for. */
    #openWaiting() {
        for (const entry of this.outbox.entries) this.#open(entry.stream);
    }

    /** @param {StreamState} stream Asks for what is missing, or for the latest messages. */
    #request(stream) {
        if (!this.online || stream.requestedAt) return;
        stream.requested(Date.now());
        const { name, epoch, seq, isPrivate, canResume } = stream;
        const resume = canResume ? { epoch, seq } : {};
        const invite = this.invitations.get(name);
        if (isPrivate) this.connection.send({ type: 'history', ...address(name) });
        else this.connection.send({ type: 'join', room: name, ...resume, ...(invite && { invite }) });
    }

    /** @param {Stream} name Asks again, although nothing seems to be missing. */
    #ask(name) {
        const stream = this.streams.get(name);
        if (!stream) return;
        stream.requestedAt = 0;
        this.#request(stream);
    }

    /** @returns {Request|null} null: it is said as soon as there is a token */
    #greet() {
        if (!this.token) return this.#hello();
        this.#withToken((token) => ({ ...this.#hello(), token }));
        return null;
    }

    /** @param {(token: string) => Request} make Sends it, unless the connection is another one. */
    async #withToken(make) {
        const { socket } = this.connection;
        try {
            const token = (await this.token?.(this.stale)) ?? '';
            if (socket !== this.connection.socket) return;
            this.shown = token;
            this.connection.send(make(token));
        } catch (error) {
            if (socket !== this.connection.socket) return;
            if (!(/** @type {any} */ (error)?.temporary)) this.#giveUp('bad_token', '');
            else if (!this.online) this.connection.retry('no token');
        }
    }

    /** @param {string} code @param {string} message */
    #giveUp(code, message) {
        this.connection.close();
        this.emit('refused', { stream: '', code, message, retryAfterMs: 0 });
    }

    /** @param {() => void} again The server did not take the token: once more with another one. */
    #renew(again) {
        const now = Date.now();
        this.stale = this.shown;
        if (now - this.renewedAt < RENEW_EVERY_MS) return this.#giveUp('bad_token', '');
        this.renewedAt = now;
        again();
    }

    /** @param {Frame} frame */
    #auth(frame) {
        if (frame.state !== 'expiring' || !this.token) return;
        this.stale = this.shown;
        this.#withToken((token) => ({ type: 'auth', token }));
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
            stream.requested(Date.now());
        }
        const { username, session } = this;
        const room = this.#firstRoom();
        const frame = { type: 'hello', username, resume, caps: ['away'], ...(room && { room }) };
        return this.token ? frame : { ...frame, session };
    }

    /** @returns {Stream} its history need not wait for welcome; "" when there is none to ask for */
    #firstRoom() {
        const stream = this.streams.get(this.first);
        if (!stream || stream.isPrivate || stream.canResume) return '';
        if (this.invitations.has(stream.name)) return '';
        stream.requested(Date.now());
        return stream.name;
    }

    /** @param {StateEvent} status */
    #stateChanged(status) {
        if (status.state === 'connecting') this.degraded = false; // the next one speaks for itself
        if (status.state === 'waiting' || status.state === 'stopped' || status.state === 'idle') {
            for (const stream of this.streams.values()) stream.disconnected();
            this.outbox.disconnected();
            this.asks.disconnected();
            this.receipts.disconnected();
            this.typedAt.clear();
        }
        this.emit('state', status);
        if (status.state === 'stopped' && status.code === CODE_TOKEN && this.token)
            this.#renew(() => this.connection.open());
    }

    /** @param {Frame} frame */
    #received(frame) {
        if (frame.cid && this.asks.take(frame)) return;
        switch (frame.type) {
            case 'welcome':
                return this.#welcomed(frame);
            case 'joined':
                return this.#joined(frame);
            case 'left':
                return this.#evicted(frame);
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
                return this.#presence(frame);
            case 'marks':
                return this.#marks(frame);
            case 'status':
                return this.#status(frame);
            case 'auth':
                return this.#auth(frame);
            case 'typing':
            case 'read':
            case 'delivered':
                return this.#sign(frame);
            case 'conversations':
                return this.#conversations(frame);
            case 'mention':
                return this.#mentions([frame]);
        }
    }

    /** @param {Frame} frame */
    #status(frame) {
        this.degraded = frame.state !== 'ok';
        this.emit('status', { ok: !this.degraded, reason: frame.reason ?? '' });
        if (this.degraded) return;
        this.#requestAgain();
        this.outbox.release(); // what waits need not wait for its time
    }

    /** @param {Frame} frame */
    #welcomed(frame) {
        this.username = frame.user ?? this.username;
        if (!this.token) this.session = frame.session ?? this.session; // else it is the device
        this.limits = frame.limits ?? this.limits;
        this.outbox.release();
        this.emit('welcome', frame);
        this.#openWaiting();
        for (const stream of this.streams.values()) this.#request(stream);
        this.#compareTops(frame.private ?? {});
        void this.#measure();
    }

    /** @param {Record<string, number>} tops */
    #compareTops(tops) {
        for (const [name, seq] of Object.entries(tops)) {
            const stream = this.streams.get(name);
            // A conversation is named when something may be missing: a new epoch may have come to
            // the number that is known.
            if (name.startsWith('@')) this.#request(stream ?? this.#open(name));
            else if (stream?.known && seq > stream.seq) this.#request(stream);
        }
    }

    /** @param {Frame} frame */
    #heartbeat(frame) {
        const now = Date.now();
        for (const stream of this.streams.values()) {
            const { requestedAt, expected } = stream;
            if (!requestedAt || now - requestedAt < (expected ? PAGE_MS : REQUEST_MS)) continue;
            stream.expected = 0;
            this.#ask(stream.name);
        }
        this.#compareTops(frame.top ?? {});
        void this.#measure();
    }

    /** @param {Frame} frame */
    #joined(frame) {
        const stream = this.streams.get(streamOf(frame));
        if (!stream) return; // left before the answer came
        stream.joined = true;
        stream.answer = frame;
        stream.people = frame.count ?? 0;
        this.invitations.delete(stream.name);
        this.emit('joined', frame);
    }

    /** @param {Frame} frame */
    #presence(frame) {
        const stream = this.streams.get(streamOf(frame));
        if (stream) stream.people = frame.count ?? stream.people;
        this.emit('presence', frame);
    }

    /** @param {Frame} frame who has what of a small room */
    #marks({ room = '', epoch = '', marks = {} }) {
        this.emit('marks', { stream: room, epoch, marks });
    }

    /** How long the way to the server and back takes. */
    async #measure() {
        const began = performance.now();
        try {
            const { server_time: there = 0 } = await this.asks.ask({ type: 'heartbeat' });
            const rtt = performance.now() - began;
            this.emit('measured', { rtt, skew: there + rtt / 2 - Date.now() });
        } catch {
            // an older server does not answer
        }
    }

    /** @param {Frame} frame left: only one with a reason comes unasked */
    #evicted({ room = '', reason = '', until = 0 }) {
        if (!reason || !this.streams.delete(room)) return;
        this.outbox.discardStream(room);
        this.emit('left', { stream: room, reason, until });
    }

    /** @param {Frame} frame */
    #conversations(frame) {
        this.receipts.wanted = true;
        for (const room of Object.keys(frame.rooms ?? {})) this.#open(room);
        for (const conversation of frame.list ?? []) this.#expect(conversation);
        this.emit('conversations', frame);
        this.receipts.flush();
    }

    /** @param {Conversation} conversation What this device has not got of it comes by itself. */
    #expect({ with: other, epoch, seq, received, unread }) {
        const name = `@${other}`;
        if (!this.token) {
            if (unread) this.#open(name); // a guest is sent nothing by itself
            return;
        }
        const known = this.streams.get(name);
        const resumes = known?.known && known.epoch === epoch;
        if ((resumes ? known.seq : received) < seq) (known ?? this.#known(name)).expect(seq);
        else if (known && !resumes) this.#ask(name);
        else if (known) {
            known.requestedAt = 0; // nothing is missing, so nothing comes
            this.outbox.settled(name, known.since);
        }
    }

    /** @param {Frame[]} frames @param {string} [epoch] */
    #mentions(frames, epoch = '') {
        for (const mention of asMentions(frames)) {
            mention.epoch ??= epoch;
            const { seq } = mention;
            const isNew = this.mentioned.epoch !== mention.epoch || seq > this.mentioned.seq;
            this.mentioned = { epoch: mention.epoch, seq: Math.max(seq, this.mentioned.seq) };
            if (isNew) this.emit('mention', mention);
        }
        const { epoch: known, seq } = this.mentioned;
        this.receipts.note({ mentions: true }, known, seq, frames.length > 1);
    }

    /** @param {Frame} frame */
    #history(frame) {
        if (frame.cid) return; // a page that was given up
        if (frame.mentions) return this.#mentions(/** @type {any} */ (frame.messages), frame.epoch);
        const name = streamOf(frame);
        const stream = this.streams.get(name) ?? (frame.away ? this.#known(name) : undefined);
        if (!stream) return;
        if (!stream.isPrivate && !stream.answer) return;
        if (stream.expected && !frame.away) return; // it comes page by page
        const isAsked = stream.requestedAt || frame.away;
        if (stream.isPrivate && !isAsked && stream.epoch !== frame.epoch) {
            this.#request(stream); // the same of a conversation, which has a new epoch
            return;
        }
        const { batch, restarted } = stream.takeHistory(frame, Date.now());
        this.emit('messages', batch);
        this.#arrived(stream, batch.messages);
        if (restarted) this.outbox.shown(stream.name, Infinity);
        this.outbox.settled(stream.name, stream.since);
        if (frame.away) this.#receive(stream, frame.messages?.at(-1)?.seq);
        if (stream.held.size) this.#request(stream);
    }

    /** @param {Stream} name @returns {StreamState} what comes by itself need not be asked for */
    #known(name) {
        const stream = new StreamState(name);
        this.streams.set(name, stream);
        return stream;
    }

    /** @param {StreamState} stream @param {number} [page] the last number of a page of many */
    #receive(stream, page) {
        const { name, isPrivate, people } = stream;
        if (!isPrivate && people > (this.limits?.receipts ?? 0)) return;
        const where = isPrivate ? { to: name.slice(1) } : { room: name };
        this.receipts.note(where, stream.epoch, page ?? stream.seq, page !== undefined);
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
                older: null,
            });
        }
        if (messages) this.#arrived(stream, messages);
    }

    /** @param {Frame} frame @returns {Stream} the conversation is with the other one of the two */
    #conversation(frame) {
        return `@${frame.user === this.username ? frame.to : frame.user}`;
    }

    /** @param {StreamState} stream @param {Message[]} messages that were shown */
    #arrived(stream, messages) {
        for (const message of messages)
            if (message.cid && message.user === this.username) this.outbox.arrived(message.cid);
        this.outbox.shown(stream.name, stream.seq);
        if (messages.length) this.#receive(stream);
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
        this.#ask(stream.name);
    }

    /** @param {Frame} frame typing, read or delivered, of somebody */
    #sign(frame) {
        const { user = '', seq = 0 } = frame;
        const stream = frame.mentions ? '!mentions' : (frame.room ?? this.#conversation(frame));
        if (frame.type === 'read') this.emit('read', { stream, user, seq });
        else if (frame.type === 'delivered') this.emit('delivered', { stream, user, seq });
        else if (user !== this.username) this.emit('typing', { stream, user });
    }

    /** @param {Frame} frame */
    #refused(frame) {
        const { cid, message = '', temporary = false, retry_after_ms = 1000 } = frame;
        const code = String(frame.code);
        if (cid) {
            this.#messageRefused(cid, code, temporary, retry_after_ms);
        } else if (temporary) {
            this.#requestLater(retry_after_ms);
        } else if (this.connection.status.state === 'greeting') {
            const isStale = this.token && ['bad_token', 'token_expired'].includes(code);
            if (isStale) this.#renew(() => this.#greet());
            else if (this.first && frame.field === 'room') this.#greetAlone();
            else this.#giveUp(code, message);
        } else if (frame.field === 'room' || OF_A_JOIN.includes(code)) {
            this.#joinRefused(frame);
        }
    }

    /** The server does not take the room: it says so again to a join, which may be refused. */
    #greetAlone() {
        const stream = this.streams.get(this.first);
        if (stream) stream.requestedAt = 0;
        this.first = '';
        const hello = this.#greet();
        if (hello) this.connection.send(hello);
    }

    /** @param {string} cid @param {string} code @param {boolean} temporary @param {number} ms */
    #messageRefused(cid, code, temporary, ms) {
        const entry = this.outbox.entries.find((other) => other.cid === cid);
        const stream = entry && this.streams.get(entry.stream);
        if (stream && code === 'not_joined') {
            stream.joined = false; // the server lost sight of it: first in again
            this.#ask(stream.name);
            this.outbox.refused(cid, code, true, 0);
        } else {
            this.outbox.refused(cid, code, temporary, ms);
        }
    }

    /** @param {Frame} frame an error; some do not say which room they mean */
    #joinRefused({ room, code, message = '', retry_after_ms: retryAfterMs = 0 }) {
        const asked = [...this.streams.values()].filter(
            ({ name, requestedAt, joined, isPrivate }) =>
                requestedAt && !joined && !isPrivate && (!room || name === room),
        );
        if (asked.length > 1) return this.#requestLater(REFUSED_MS); // the others are in by then
        for (const { name } of asked) {
            this.streams.delete(name);
            this.invitations.delete(name);
            this.emit('refused', { stream: name, code: String(code), message, retryAfterMs });
        }
    }

    /** @param {number} ms */
    #requestLater(ms) {
        clearTimeout(this.requestTimer);
        this.requestTimer = setTimeout(() => this.#requestAgain(), ms);
    }

    /** The server could not answer a join or a history for a while. */
    #requestAgain() {
        clearTimeout(this.requestTimer);
        for (const stream of this.streams.values()) {
            if (stream.requestedAt) this.#ask(stream.name);
        }
    }
}
