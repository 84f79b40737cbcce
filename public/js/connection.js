/**
 * One WebSocket at a time, and when to have the next one.
 *
 * It opens, says hello, watches for life and comes back: after `bye.retry_ms` when the server
 * gave it, else after a random part of a growing delay. Close codes decide whether it comes
 * back at all. What frames mean is not its business, except welcome, bye and heartbeat.
 */
import { Emitter } from './emitter.js';

/** @typedef {import('./types.js').Frame} Frame */
/** @typedef {import('./types.js').Request} Request */
/** @typedef {import('./types.js').StateEvent} StateEvent */
/** @typedef {import('./types.js').ConnectionState} ConnectionState */

const OPEN_MS = 10_000; // to open the socket, and again to be greeted
const PROBE_MS = 3_000; // for an answer after wake()
const BYE_MS = 10_000; // for the server to close after bye; the last acks come meanwhile
// The most is how long a client may stay away after its server is back: long enough for 2,000
// clients to be 200 attempts a second, short enough for a person to wait.
const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MOST_MS = 10_000;
const STEADY_MS = 10_000; // a connection that lived so long starts the delays anew
const SILENT_PERIODS = 2.5;
const CODE_SILENT = 4102;

/** @param {number} code @returns {boolean} whether the server wants this client back */
export function comesBack(code) {
    return !([1003, 1007, 1009].includes(code) || (code >= 4000 && code <= 4099));
}

/**
 * "Full jitter": any delay from 0 to the bound is as likely as any other, so that the clients of
 * a dead server do not come back in one instant (AWS, "Exponential Backoff And Jitter").
 * @param {number} attempt 0 for the first
 * @param {() => number} random from 0 up to 1
 * @returns {number} milliseconds
 */
export function backoff(attempt, random) {
    return Math.floor(random() * Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** attempt));
}

/**
 * @typedef {object} ConnectionOptions
 * @property {string} url                       of the WebSocket, without a user name
 * @property {typeof WebSocket} [WebSocket]     another implementation, for tests outside a browser
 * @property {() => number} [random]
 * @property {() => Request|null} hello           makes the first frame of each connection; null:
 *   it is sent by send(), later
 * @property {() => Probe|null} probe             null: nothing can be asked now
 * @property {Opened} [opened]                    the first connection, if it says what hello() says
 *
 * @typedef {object} Opened  a socket from before the scripts of the page were here, see first.js
 * @property {WebSocket} socket
 * @property {string} hello       what it says by its address
 * @property {unknown[]} frames   what has come
 *
 * @typedef {object} Probe  a question to find out whether the server is there
 * @property {Request} request
 * @property {(frame: Frame) => boolean} isAnswer
 */

/** @extends {Emitter<{state: StateEvent, frame: Frame}>} */
export class Connection extends Emitter {
    /** @param {ConnectionOptions} options */
    constructor(options) {
        super();
        this.options = options;
        this.random = options.random ?? Math.random;
        /** @type {StateEvent} */
        this.status = { state: 'idle', retryAt: 0, code: 0, reason: '' };
        /** @type {WebSocket|null} */
        this.socket = null;
        this.attempt = 0;
        this.greets = true; // else the socket has said hello
        this.heartbeatMs = 25_000;
        this.lastFrame = 0;
        this.onlineSince = 0;
        /** @type {Frame|null} */
        this.bye = null;
        /** @type {Probe|null} the latest one */
        this.probe = null;
        /** @type {Record<string, ReturnType<typeof setTimeout>>} one timer per purpose */
        this.timers = {};
    }

    /** Connects now, whatever it was waiting for. Nothing happens when it is connected. */
    open() {
        if (this.socket) return;
        this.#clearTimers();
        this.bye = null;
        this.#set('connecting');
        const opened = this.#takeOpened();
        this.greets = !opened;
        const Socket = this.options.WebSocket ?? WebSocket;
        const socket = opened?.socket ?? new Socket(this.options.url, ['confab.v1']);
        this.socket = socket;
        socket.onopen = () => this.#opened();
        socket.onmessage = (event) => this.#received(event.data);
        socket.onclose = (event) => this.#ended(event.code, event.reason);
        socket.onerror = () => {}; // a close event follows
        this.#timer('deadline', OPEN_MS, () => this.#abandon('the server did not answer'));
        if (opened && socket.readyState === 1) queueMicrotask(() => this.#catchUp(opened));
    }

    /** @returns {Opened|null} once */
    #takeOpened() {
        const { opened = null } = this.options;
        this.options.opened = undefined;
        if (!opened) return null;
        const isSame = opened.hello === JSON.stringify(this.options.hello());
        if (isSame && opened.socket.readyState <= 1) return opened;
        opened.socket.close();
        return null;
    }

    /** @param {Opened} opened */
    #catchUp({ socket, frames }) {
        if (socket !== this.socket) return;
        this.#opened();
        for (const frame of frames) if (socket === this.socket) this.#received(frame);
    }

    /** Ends the connection and stays away. */
    close() {
        this.#drop();
        this.#set('idle');
    }

    /** @param {Request} frame @returns {boolean} false when there is no connection to send on */
    send(frame) {
        if (!this.socket || this.socket.readyState !== 1) return false;
        this.socket.send(JSON.stringify(frame));
        return true;
    }

    /**
     * The machine slept, the page was in the background or the network changed: the socket may
     * be dead without saying so. Waiting ends; a connection has 3 s to prove that it lives.
     */
    wake() {
        if (this.status.state === 'waiting') {
            this.open();
        } else if (this.status.state === 'online' && !this.timers.probe) {
            this.probe = this.options.probe();
            if (!this.probe) return;
            this.send(this.probe.request);
            this.#timer('probe', PROBE_MS, () => this.#abandon('no answer after waking up'));
        }
    }

    /** @param {string} reason This connection is of no use: another one, in a while. */
    retry(reason) {
        if (this.socket) this.#abandon(reason);
    }

    #opened() {
        this.#set('greeting');
        this.#timer('deadline', OPEN_MS, () => this.#abandon('the server did not answer'));
        const hello = this.greets && this.options.hello();
        if (hello) this.send(hello);
    }

    /** @param {unknown} data */
    #received(data) {
        this.lastFrame = Date.now();
        let frame;
        try {
            frame = JSON.parse(String(data));
        } catch {
            return; // a proxy's own text, perhaps; the watchdog decides whether this is a server
        }
        if (frame === null || typeof frame.type !== 'string') return;
        // Other frames may have waited here since before the connection died.
        if (this.timers.probe && this.probe?.isAnswer(frame)) this.#clear('probe');
        if (frame.type === 'welcome') this.#welcomed(frame);
        // One with a cid is itself an answer.
        else if (frame.type === 'heartbeat' && !frame.cid) this.send({ type: 'heartbeat' });
        else if (frame.type === 'bye') this.#sentAway(frame);
        // A server whose Redis is away says so and greets when Redis is back.
        else if (frame.type === 'status' && this.status.state === 'greeting') this.#watch();
        this.emit('frame', frame);
    }

    /** @param {Frame} frame */
    #welcomed(frame) {
        this.heartbeatMs = frame.heartbeat_ms || this.heartbeatMs;
        this.onlineSince = Date.now();
        this.#watch();
        this.#set('online');
    }

    /** @param {Frame} frame bye: the server closes when it has said all; a dead one never does */
    #sentAway(frame) {
        this.bye = frame;
        this.#timer('bye', BYE_MS, () => this.#abandon('the server said goodbye'));
    }

    #watch() {
        this.#clear('deadline');
        const limit = SILENT_PERIODS * this.heartbeatMs;
        const left = this.lastFrame + limit - Date.now();
        if (left <= 0) this.#abandon('the connection was silent');
        else this.#timer('watchdog', left, () => this.#watch());
    }

    /** @param {string} reason The socket is useless: do not wait for its close event. */
    #abandon(reason) {
        this.#ended(CODE_SILENT, reason);
    }

    /** @param {number} code @param {string} reason */
    #ended(code, reason) {
        const bye = this.bye;
        const why = bye ? Number(bye.code) : code;
        const text = bye?.reason || reason;
        if (this.onlineSince && Date.now() - this.onlineSince >= STEADY_MS) this.attempt = 0;
        this.#drop();
        if (!comesBack(why) || !comesBack(code)) {
            this.#set('stopped', 0, comesBack(why) ? code : why, text);
            return;
        }
        const delay = bye?.retry_ms ?? backoff(this.attempt++, this.random);
        this.#timer('retry', delay, () => this.open());
        this.#set('waiting', Date.now() + delay, why, text);
    }

    #drop() {
        this.#clearTimers();
        this.onlineSince = 0;
        const socket = this.socket;
        this.socket = null;
        if (!socket) return;
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close();
    }

    /**
     * @param {ConnectionState} state
     * @param {number} [retryAt]
     * @param {number} [code]
     * @param {string} [reason]
     */
    #set(state, retryAt = 0, code = this.status.code, reason = this.status.reason) {
        this.status = { state, retryAt, code, reason };
        this.emit('state', this.status);
    }

    /** @param {string} name @param {number} ms @param {() => void} run */
    #timer(name, ms, run) {
        this.#clear(name);
        this.timers[name] = setTimeout(() => {
            delete this.timers[name];
            run();
        }, ms);
    }

    /** @param {string} name */
    #clear(name) {
        clearTimeout(this.timers[name]);
        delete this.timers[name];
    }

    #clearTimers() {
        for (const name of Object.keys(this.timers)) this.#clear(name);
    }
}
