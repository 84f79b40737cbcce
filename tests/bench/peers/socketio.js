// socket.io with its Redis adapter, on Node.
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import {
    FRAME_BYTES, Refusal, RoomState, Store, roomChannel, userChannel, validate, validateRoom,
    welcome,
} from './chat.js';

const [port, redisPort] = process.argv.slice(2);
const redis = createClient({ url: `redis://127.0.0.1:${redisPort}` });
const bus = redis.duplicate();
await Promise.all([redis.connect(), bus.connect()]);
const store = new Store((...words) => redis.sendCommand(words));
await store.load();

const http = createServer();
const io = new Server(http, {
    adapter: createAdapter(redis, bus),
    transports: ['websocket'],
    serveClient: false,
    perMessageDeflate: false, // the default, and what the precomputed frames need
    httpCompression: false,
    maxHttpBufferSize: FRAME_BYTES,
    pingTimeout: 60000, // a machine that is busy with a measurement may answer late
});
// https://socket.io/docs/v4/memory-usage/: the first request would be kept for ever.
io.engine.on('connection', (raw) => {
    raw.request = null;
});

// Who comes while the state of a room is on its way gets the same one. Numbers and states come
// back on one connection, and what follows happens in that order: on this instance nothing is
// lost or repeated between a history and what is live.
const joining = new Map(); // room → who waits

function join(socket, room, have) {
    const waiting = joining.get(room);
    if (waiting) {
        waiting.push({ socket, have });
    } else {
        joining.set(room, [{ socket, have }]);
        store.state(room).then(joined);
    }
}

function joined(lines) {
    const state = new RoomState(lines);
    const waiting = joining.get(state.room);
    joining.delete(state.room);
    const parsed = new Map(); // socket.io takes objects; many newcomers have missed the same
    for (const { socket, have } of waiting) {
        if (!socket.connected) continue;
        const { joined, history } = state.since(have);
        socket.emit('joined', joined);
        if (!parsed.has(history)) parsed.set(history, JSON.parse(history));
        socket.emit('history', parsed.get(history));
        socket.join(roomChannel(state.room));
    }
}

// Only the number comes from Redis. What is emitted goes to this instance's members at once and
// through the adapter to the other instances, which is how the adapter works.
function publish(socket, rooms, { id, timestamp, seq }, { type, ...fields }) {
    const { room, to, content } = fields;
    seq.then((number) => io.to(rooms).emit(type, {
        type, room, seq: number, id, user: socket.data.user, to, content, timestamp,
    }));
}

function message(socket, frame) {
    const room = roomChannel(frame.room);
    if (!socket.rooms.has(room)) throw new Refusal('not_joined');
    publish(socket, [room], store.message(socket.data.user, frame, []), frame);
}

function privately(socket, frame) {
    const rooms = [socket.data.user, frame.to].map(userChannel);
    publish(socket, rooms, store.private(socket.data.user, frame, []), frame);
}

function serve(socket, type, action) {
    socket.on(type, (frame) => {
        try {
            action(socket, validate({ ...frame, type }));
        } catch (e) {
            if (!(e instanceof Refusal)) throw e;
            socket.emit('error', { type: 'error', code: e.code });
        }
    });
}

function check(socket, next) {
    const { username, session, room, resume } = socket.handshake.auth;
    try {
        const hello = { type: 'hello', username, session };
        hello.resume = room === undefined ? resume : validateRoom(room);
        socket.data = { user: username, hello: validate(hello) };
        next();
    } catch (e) {
        if (!(e instanceof Refusal)) throw e;
        next(e);
    }
}

io.use(check);
io.on('connection', (socket) => {
    const { user, hello } = socket.data;
    socket.data = { user };
    socket.join(userChannel(user));
    socket.emit('welcome', welcome(user, hello.session, store.instance));
    for (const [room, have] of Object.entries(hello.resume ?? {})) join(socket, room, have);
    serve(socket, 'message', message);
    serve(socket, 'private', privately);
    serve(socket, 'heartbeat', () => {});
});
http.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 });
