// Bun's own WebSocket server, its own topics and its own Redis client.
import { RedisClient } from 'bun';
import { BACKLOG_BYTES, Chat, FRAME_BYTES, Store } from './chat.js';

const [port, redisPort] = process.argv.slice(2);
// Commands of one turn go out together by themselves (enableAutoPipelining is the default); a
// connection that subscribes loses that, so the bus has its own.
const redis = new RedisClient(`redis://127.0.0.1:${redisPort}`);
await redis.connect();
const bus = await redis.duplicate();
if (!bus.connected) await bus.connect();

let server;
const chat = new Chat(new Store((name, ...words) => redis.send(name, words)), bus, {
    send: (client, text) => client.socket.send(text),
    enter: (client, channel) => client.socket.subscribe(channel),
    leave: () => {}, // a closed socket has left all topics
    // The native fan-out: the frame is built once, and what one turn publishes is gathered.
    deliver: (payload, channel) => server.publish(channel, payload),
});
await chat.start();

server = Bun.serve({
    hostname: '127.0.0.1',
    port: Number(port),
    fetch(request, server) {
        const url = new URL(request.url);
        const data = { query: url.search && url.searchParams };
        if (url.pathname !== '/ws' || !server.upgrade(request, { data }))
            return new Response('not found', { status: 404 });
    },
    websocket: {
        perMessageDeflate: false,
        idleTimeout: 0, // idle connections stay, and nobody is pinged
        sendPings: false,
        maxPayloadLength: FRAME_BYTES,
        backpressureLimit: BACKLOG_BYTES, // the default drops messages at 16 MB
        closeOnBackpressureLimit: true,
        open(socket) {
            const query = socket.data.query;
            socket.data = { socket };
            if (query)
                chat.greet(socket.data, query.get('username'),
                    query.get('session') ?? undefined, query.get('room'));
        },
        message: (socket, text) => chat.receive(socket.data, text),
        close: (socket) => chat.close(socket.data),
    },
});
