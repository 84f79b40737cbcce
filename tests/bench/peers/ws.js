// Node with the packages ws and redis.
import { createClient } from 'redis';
import { Sender, WebSocket, WebSocketServer } from 'ws';
import { BACKLOG_BYTES, Chat, FRAME_BYTES, Store } from './chat.js';

const [port, redisPort] = process.argv.slice(2);
const redis = createClient({ url: `redis://127.0.0.1:${redisPort}` });
const bus = redis.duplicate();
// Without a listener an error ends the process, which is what a measurement wants.
await Promise.all([redis.connect(), bus.connect()]);

const members = new Map(); // channel → sockets
const batches = new Map(); // channel → pieces of frames that this turn has brought

// Framed once for all: https://github.com/websockets/ws/issues/617#issuecomment-283002469
const FRAME = { fin: true, opcode: 1, mask: false, readOnly: true, rsv1: false };

function deliver(payload, channel) {
    let batch = batches.get(channel);
    if (!batch) {
        if (!batches.size) process.nextTick(flushAll);
        batches.set(channel, (batch = []));
    }
    batch.push(...Sender.frame(payload, FRAME));
}

// The frames of one turn go to a socket as one buffer: one write instead of the cork, the writes
// and the uncork of https://github.com/websockets/ws/pull/1999.
function flush(channel) {
    const batch = batches.get(channel);
    batches.delete(channel);
    const bytes = Buffer.concat(batch);
    for (const socket of members.get(channel) ?? []) {
        if (socket.readyState !== WebSocket.OPEN) continue;
        if (socket.bufferedAmount > BACKLOG_BYTES) socket.terminate();
        else socket._sender.sendFrame([bytes]);
    }
}

function flushAll() {
    for (const channel of batches.keys()) flush(channel);
}

function enter(socket, channel) {
    if (batches.has(channel)) flush(channel); // it is in the history that the newcomer has
    const sockets = members.get(channel) ?? new Set();
    members.set(channel, sockets.add(socket));
}

function leave(socket, channel) {
    const sockets = members.get(channel);
    if (sockets?.delete(socket) && !sockets.size) members.delete(channel);
}

const chat = new Chat(new Store((...words) => redis.sendCommand(words)), {
    // true: payloads come as buffers and are sent as they came
    subscribe: (channel, listener) =>
        bus.subscribe(channel, (payload) => listener(payload, channel), true),
    unsubscribe: (channel) => bus.unsubscribe(channel, undefined, true),
}, { send: (socket, text) => socket.send(text), enter, leave, deliver });
await chat.start();

const server = new WebSocketServer({
    host: '127.0.0.1',
    port: Number(port),
    path: '/ws',
    backlog: 4096, // a storm of connections waits in the kernel
    maxPayload: FRAME_BYTES,
    perMessageDeflate: false,
    clientTracking: false, // `members` has them
});
server.on('connection', (socket, request) => {
    socket.on('message', (text) => chat.receive(socket, text));
    socket.on('close', () => chat.close(socket));
    socket.on('error', () => {}); // a bad frame: ws has closed the connection
    const query = new URL(request.url, 'ws://localhost').searchParams;
    if (query.size)
        chat.greet(socket, query.get('username'), query.get('session') ?? undefined,
            query.get('room'));
});
