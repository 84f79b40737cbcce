/**
 * A WebSocket class whose server is the test: what the client sends is in `sent`, and the test
 * says what comes. For orders of events that no real server can be made to produce on demand.
 */
import assert from 'node:assert/strict';
import { ConfabClient } from '../../../public/js/confab-client.js';

export class Script {
    constructor(t, options = {}) {
        /** Of the connections so far, the latest one last. */
        this.sockets = [];
        this.batches = [];
        const script = this;
        class Scripted {
            constructor() {
                this.readyState = 0;
                this.sent = [];
                script.sockets.push(this);
            }
            send(text) {
                this.sent.push(JSON.parse(text));
            }
            close() {
                this.readyState = 3;
            }
        }
        this.client = new ConfabClient({
            url: 'ws://script',
            session: 's',
            WebSocket: Scripted,
            random: () => 0.5,
            ...options,
        });
        this.client.on('messages', (batch) => this.batches.push(batch));
        t.after(() => this.client.disconnect());
    }

    get socket() {
        return this.sockets.at(-1);
    }

    /** Frames of a type that the client has sent since this was asked the last time. */
    took(type) {
        const { socket } = this;
        const found = socket.sent.filter((frame) => frame.type === type);
        socket.sent = socket.sent.filter((frame) => frame.type !== type);
        return found;
    }

    accept() {
        this.socket.readyState = 1;
        this.socket.onopen();
        return this;
    }

    says(...frames) {
        for (const frame of frames) this.socket.onmessage({ data: JSON.stringify(frame) });
        return this;
    }

    ends(code = 1006, reason = '') {
        this.socket.readyState = 3;
        this.socket.onclose({ code, reason });
    }

    /** Connects as alice, who is in `room` and has seen `count` messages. */
    enter(room, count = 0) {
        if (room) this.client.join(room);
        this.client.connect('alice');
        this.accept().says({ type: 'welcome', user: 'alice', heartbeat_ms: 25_000, private: {} });
        if (room) this.says(...answer(room, 'e1', 1, count, { recovered: false }));
        this.socket.sent = [];
        return this;
    }

    gaps() {
        return this.batches.flatMap(({ gap }) => (gap ? [gap.missed] : []));
    }

    assertShown(...contents) {
        const shown = this.batches.flatMap(({ messages }) => messages.map((m) => m.content));
        assert.deepEqual(shown, contents);
    }
}

/** A clock that moves when it is told to; returns the function that moves it. */
export function clock(t) {
    let now = 1_000_000;
    let timers = [];
    t.mock.method(Date, 'now', () => now);
    t.mock.method(globalThis, 'setTimeout', (run, ms = 0) => {
        const timer = { run, at: now + ms };
        timers.push(timer);
        return timer;
    });
    t.mock.method(globalThis, 'clearTimeout', (timer) => {
        timers = timers.filter((other) => other !== timer);
    });
    return (ms) => {
        const end = now + ms;
        for (;;) {
            const [next] = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
            if (!next) break;
            timers = timers.filter((other) => other !== next);
            now = next.at;
            next.run();
        }
        now = end;
    };
}

export function message(room, seq, extra = {}) {
    const isPrivate = room.startsWith('@');
    const where = isPrivate ? { type: 'private', to: 'alice' } : { type: 'message', room };
    const what = { seq, id: `i${seq}`, user: 'bob', content: `n${seq}`, timestamp: seq };
    return { ...where, ...what, ...extra };
}

/** joined and history, as the server sends them. */
export function answer(room, epoch, first, top, extra = {}) {
    const messages = [];
    for (let seq = first; seq <= top; seq++) messages.push(message(room, seq));
    const joined = { type: 'joined', room, epoch, seq: top, recovered: true, missed: 0, count: 1 };
    return [
        { ...joined, ...extra },
        { type: 'history', room, epoch, messages, more: first > 1 },
    ];
}
