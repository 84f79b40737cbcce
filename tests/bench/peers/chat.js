// What the JavaScript peers share: the frames, the scripts, the names in Redis, and who must be
// subscribed to what. A peer adds its sockets, its fan-out and its Redis client.
import { randomBytes } from 'node:crypto';

const HISTORY = 100;
export const FRAME_BYTES = 32768; // as confab's limit
// What may wait for one connection before it is ended: far more than the tests let wait.
export const BACKLOG_BYTES = 64 * 1024 * 1024;

const USER_NAME = /^[\p{L}\p{M}\p{Nd}_.-]{1,32}$/u;
const ROOM_NAME = /^[\p{L}\p{M}\p{Nd}_.-]{1,64}$/u;

export const userChannel = (user) => `peer:user:${user}`;
export const roomChannel = (room) => `peer:room:${room}`;
const pair = (a, b) => (a < b ? `${a}|${b}` : `${b}|${a}`);
const keysOf = (stream) => [`peer:meta:${stream}`, `peer:list:${stream}`];

// KEYS 1 meta  2 list;  ARGV 1, 2 the JSON before and behind the number  3… channels.
// One step, so the order of the numbers is the order of delivery.
const PUBLISH = `
local seq = redis.call('HINCRBY', KEYS[1], 'seq', 1)
local json = ARGV[1] .. seq .. ARGV[2]
redis.call('RPUSH', KEYS[2], json)
redis.call('LTRIM', KEYS[2], -${HISTORY}, -1)
for i = 3, #ARGV do
    redis.call('PUBLISH', ARGV[i], json)
end
return seq`;

// KEYS as above;  ARGV 1 an epoch, for a new room  2 room  3 channel of this instance, or none.
// The state of a room, as lines: room, epoch, top number, messages. On the channel it arrives
// exactly between the messages that it has and those that it has not.
const STATE = `
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
local lines = redis.call('LRANGE', KEYS[2], 0, -1)
table.insert(lines, 1, redis.call('HGET', KEYS[1], 'seq') or '0')
table.insert(lines, 1, redis.call('HGET', KEYS[1], 'epoch'))
table.insert(lines, 1, ARGV[2])
local state = table.concat(lines, '\\n')
if ARGV[3] then
    redis.call('PUBLISH', ARGV[3], state)
    return 1
end
return state`;

/** Why a frame is refused; `code` is one of docs/PROTOCOL.md. */
export class Refusal extends Error {
    constructor(code) {
        super(code);
        this.code = code;
    }
}

/** Reads one frame. Throws a Refusal. */
export function parse(text) {
    let frame;
    try {
        frame = JSON.parse(text);
    } catch {
        throw new Refusal('bad_json');
    }
    return validate(frame);
}

const isName = (value, pattern) => typeof value === 'string' && pattern.test(value);

/** Checks what a client says, JSON already read. Throws a Refusal. */
export function validate(frame) {
    if (frame === null || typeof frame !== 'object' || Array.isArray(frame))
        throw new Refusal('not_object');
    switch (frame.type) {
    case 'hello':
        if (!isName(frame.username, USER_NAME)) throw new Refusal('bad_name');
        for (const room of Object.keys(frame.resume ?? {}))
            if (!ROOM_NAME.test(room)) throw new Refusal('bad_room');
        break;
    case 'message':
        if (!isName(frame.room, ROOM_NAME)) throw new Refusal('bad_room');
        checkContent(frame.content);
        break;
    case 'private':
        if (!isName(frame.to, USER_NAME)) throw new Refusal('bad_name');
        checkContent(frame.content);
        break;
    case 'heartbeat':
        break;
    default:
        throw new Refusal(typeof frame.type === 'string' ? 'unknown_type' : 'no_type');
    }
    return frame;
}

function checkContent(content) {
    if (typeof content !== 'string' || !content || Buffer.byteLength(content) > 4096)
        throw new Refusal('bad_content');
}

/** The room that the address names, as what a hello with `resume` says. Throws a Refusal. */
export function validateRoom(room) {
    if (!isName(room, ROOM_NAME)) throw new Refusal('bad_room');
    return { [room]: null };
}

/** The scripts, called by their digests; and the JSON of a message. */
export class Store {
    /** @param command (...words) => promise of Redis' answer */
    constructor(command) {
        this.command = command;
        this.instance = randomBytes(4).toString('hex');
        this.count = 0;
    }

    async load() {
        this.publishDigest = String(await this.command('SCRIPT', 'LOAD', PUBLISH));
        this.stateDigest = String(await this.command('SCRIPT', 'LOAD', STATE));
    }

    /** Numbers, keeps and publishes. Returns the id and the time; `seq` is a promise. */
    message(user, { room, content }, channels) {
        return this.#publish(room, `{"type":"message","room":"${room}","seq":`, user, '',
            content, channels);
    }

    private(user, { to, content }, channels) {
        return this.#publish(pair(user, to), '{"type":"private","seq":', user, `"to":"${to}",`,
            content, channels);
    }

    #publish(stream, head, user, to, content, channels) {
        const id = `${this.instance}-${++this.count}`;
        const timestamp = Date.now();
        const tail = `,"id":"${id}","user":"${user}",${to}"content":${JSON.stringify(content)},` +
            `"timestamp":${timestamp}}`;
        const seq = this.command('EVALSHA', this.publishDigest, '2', ...keysOf(stream), head,
            tail, ...channels);
        return { id, timestamp, seq };
    }

    /** Asks for the state of a room, as an answer or on a channel. */
    state(room, ...channel) {
        return this.command('EVALSHA', this.stateDigest, '2', ...keysOf(room), this.instance,
            room, ...channel);
    }
}

/** The state of a room, once for all who join in the same moment. */
export class RoomState {
    constructor(lines) {
        const [room, epoch, seq, ...messages] = lines.split('\n');
        Object.assign(this, { room, epoch, seq: Number(seq), messages });
        this.histories = new Map();
    }

    /** What a client gets that has all up to `have`, or has nothing. */
    since(have) {
        const missed = this.seq - have?.seq;
        const recovered = have?.epoch === this.epoch && missed >= 0 &&
            missed <= this.messages.length;
        const joined = { type: 'joined', room: this.room, epoch: this.epoch, seq: this.seq,
            recovered, missed: recovered ? missed : 0 };
        return { joined, history: this.#history(recovered ? missed : this.messages.length) };
    }

    #history(count) {
        if (!this.histories.has(count)) {
            const messages = this.messages.slice(this.messages.length - count).join(',');
            this.histories.set(count, `{"type":"history","room":"${this.room}",` +
                `"epoch":"${this.epoch}","messages":[${messages}],"more":false}`);
        }
        return this.histories.get(count);
    }
}

export const welcome = (user, session, instance) => ({ type: 'welcome', v: 1, user,
    session: session ?? user, instance, server_time: Date.now() });

/**
 * The dialect of confab.v1. A client is any object; its `user`, `closed` and `held` belong to
 * this class.
 *
 * bus       {subscribe(channel, listener), unsubscribe(channel)}: Redis, on a connection of its own
 * sockets   {send(client, text), enter(client, channel), leave(client, channel),
 *           deliver(payload, channel)}: what the peer does with its sockets; `deliver` sends to all
 *           who have entered, and is the listener
 */
export class Chat {
    constructor(store, bus, sockets) {
        Object.assign(this, { store, bus, sockets });
        this.channels = new Map(); // name → {holders, settled}
        this.joining = new Map();  // room → clients that wait for its state
        this.own = `peer:instance:${store.instance}`;
    }

    async start() {
        await this.store.load();
        await this.bus.subscribe(this.own, (lines) => this.#joined(String(lines)));
    }

    /** A frame has arrived. */
    receive(client, text) {
        this.#guard(client, () => this.#act(client, parse(text)));
    }

    /** A connection whose address has a user name and a room. */
    greet(client, username, session, room) {
        this.#guard(client, () => this.#hello(client,
            validate({ type: 'hello', username, session, resume: validateRoom(room) })));
    }

    close(client) {
        client.closed = true;
        for (const channel of client.held ?? []) {
            this.sockets.leave(client, channel);
            this.#release(channel);
        }
    }

    #guard(client, action) {
        try {
            action();
        } catch (e) {
            if (!(e instanceof Refusal)) throw e;
            this.sockets.send(client, `{"type":"error","code":"${e.code}"}`);
        }
    }

    #act(client, frame) {
        if (frame.type === 'hello') {
            this.#hello(client, frame);
            return;
        }
        if (!client.user) throw new Refusal('hello_first');
        if (frame.type === 'message') {
            const channel = roomChannel(frame.room);
            if (!client.held.has(channel)) throw new Refusal('not_joined');
            this.store.message(client.user, frame, [channel]);
        } else if (frame.type === 'private') {
            this.store.private(client.user, frame,
                [...new Set([client.user, frame.to])].map(userChannel));
        }
    }

    #hello(client, frame) {
        if (client.user) throw new Refusal('hello_twice');
        client.user = frame.username;
        client.held = new Set();
        this.#admit(client, frame);
    }

    async #admit(client, { username, session, resume }) {
        await this.#hold(client, userChannel(username));
        if (client.closed) return;
        this.sockets.enter(client, userChannel(username));
        this.sockets.send(client, JSON.stringify(welcome(username, session, this.store.instance)));
        for (const [room, have] of Object.entries(resume ?? {}))
            this.#join(client, room, have);
    }

    // Who comes while the state of the room is on its way gets the same one: it is as new as the
    // moment in which it arrives.
    async #join(client, room, have) {
        await this.#hold(client, roomChannel(room));
        if (client.closed) return;
        const waiting = this.joining.get(room);
        if (waiting) {
            waiting.push({ client, have });
        } else {
            this.joining.set(room, [{ client, have }]);
            this.store.state(room, this.own);
        }
    }

    #joined(lines) {
        const state = new RoomState(lines);
        const waiting = this.joining.get(state.room);
        this.joining.delete(state.room);
        for (const { client, have } of waiting) {
            if (client.closed) continue;
            const { joined, history } = state.since(have);
            this.sockets.send(client, JSON.stringify(joined));
            this.sockets.send(client, history);
            this.sockets.enter(client, roomChannel(state.room));
        }
    }

    // The first holder of a channel subscribes to it, the last one unsubscribes; one after the
    // other, since clients come and go faster than Redis answers.
    #hold(client, name) {
        client.held.add(name);
        const channel = this.channels.get(name) ?? { holders: 0, settled: Promise.resolve() };
        this.channels.set(name, channel);
        if (channel.holders++ === 0)
            channel.settled = channel.settled.then(
                () => this.bus.subscribe(name, this.sockets.deliver));
        return channel.settled;
    }

    #release(name) {
        const channel = this.channels.get(name);
        if (--channel.holders > 0) return;
        const settled = channel.settled.then(() => this.bus.unsubscribe(name)).then(() => {
            if (channel.settled === settled) this.channels.delete(name);
        });
        channel.settled = settled;
    }
}
