/**
 * A slow mobile network between a browser and a server, made of timers, so that it needs neither
 * root nor a kernel with netem and is the same on every machine. What DevTools can do itself holds
 * back whole requests and no frames of WebSockets.
 *
 * It is what Lighthouse calls "slow 4G" (mobileSlow4G in core/config/constants.js): 150 ms for a
 * round trip, 1,638.4 kbit/s down, 750 kbit/s up. All connections share it. Each costs a round trip
 * before its first byte and begins with ten packets under way (RFC 6928), which become twice as
 * many with each round trip: what is answered is told by acknowledgements that take half of one.
 */
import { once } from 'node:events';
import net from 'node:net';

const ROUND_TRIP_MS = 150;
const WAY_MS = ROUND_TRIP_MS / 2;
const DOWN = 1_638.4 / 8; // bytes in a millisecond
const UP = 750 / 8;
const PACKET = 1_448; // bytes of TCP in an Ethernet frame …
const HEADERS = 66; // … and the rest of it
const FIRST_WINDOW = 10 * PACKET;

const now = () => performance.now();

/** One direction of the link: packets leave one after the other, and arrive in that order. */
class Line {
    constructor(rate) {
        this.rate = rate;
        this.free = 0;
        this.flying = [];
    }

    /** @param {() => void} arrive the packet is at the other end */
    send(bytes, from, arrive) {
        const size = bytes + HEADERS * Math.ceil(bytes / PACKET);
        this.free = Math.max(this.free, from) + size / this.rate;
        this.flying.push({ time: this.free + WAY_MS, arrive });
        if (this.flying.length === 1) this.#wait();
    }

    #wait() {
        setTimeout(() => {
            while (this.flying.length && this.flying[0].time <= now()) this.flying.shift().arrive();
            if (this.flying.length) this.#wait();
        }, this.flying[0].time - now());
    }
}

/** What a server says on one connection. */
class Sender {
    constructor(line, client) {
        Object.assign(this, { line, client, waiting: [], flying: 0, window: FIRST_WINDOW });
    }

    push(data) {
        for (let from = 0; from < data.length; from += PACKET)
            this.waiting.push(data.subarray(from, from + PACKET));
        this.#send();
    }

    #acknowledged(bytes) {
        this.flying -= bytes;
        this.window += bytes;
        this.#send();
    }

    #send() {
        while (this.waiting.length && this.flying + this.waiting[0].length <= this.window) {
            const packet = this.waiting.shift();
            this.flying += packet.length;
            this.line.send(packet.length, now(), () => {
                this.client.write(packet);
                setTimeout(() => this.#acknowledged(packet.length), WAY_MS);
            });
        }
    }
}

/** In front of a port of this machine: { port, url, ws, seen(), forget() }. */
export async function startSlowLink(t, port) {
    const [down, up] = [new Line(DOWN), new Line(UP)];
    const sockets = new Set();
    let seen = { began: 0, connections: 0, bytes: 0 };
    const server = net.createServer((client) => {
        const server = net.connect(port, '127.0.0.1');
        const sender = new Sender(down, client);
        const open = now() + ROUND_TRIP_MS;
        seen.connections++;
        seen.began ||= Date.now();
        client.setNoDelay(true);
        client.on('data', (data) =>
            up.send(data.length, Math.max(open, now()), () => server.write(data)),
        );
        server.on('data', (data) => {
            seen.bytes += data.length;
            sender.push(data);
        });
        for (const [from, to] of [
            [client, server],
            [server, client],
        ]) {
            sockets.add(from);
            from.on('error', () => {});
            from.on('close', () => {
                sockets.delete(from);
                setTimeout(() => to.destroy(), ROUND_TRIP_MS);
            });
        }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
        for (const socket of sockets) socket.destroy();
        server.close();
    });
    const { port: own } = /** @type {net.AddressInfo} */ (server.address());
    return {
        url: `http://127.0.0.1:${own}/`,
        /** @returns {{connections: number, bytes: number}} since the last time */
        seen() {
            const all = seen;
            seen = { began: 0, connections: 0, bytes: 0 };
            return all;
        },
    };
}
