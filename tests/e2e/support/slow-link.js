/**
 * A slow phone on a slow mobile network, as a calculation from bytes and work: it does not depend
 * on how busy this machine is, as a network of real delays would.
 *
 * It is what Lighthouse calls "slow 4G" (mobileSlow4G in its core/config/constants.js): 150 ms for
 * a round trip, 1,638.4 kbit/s down, 750 kbit/s up, and a processor four times as slow as this one.
 * All connections share the two lines. Each begins with a round trip, and with ten packets under
 * way (RFC 6928), which become twice as many with each round trip.
 *
 * Not netem, which needs root and a kernel that has it; and not what DevTools do themselves: they
 * hold back whole requests, and neither connections nor what is said on WebSockets.
 */

const ROUND_TRIP_MS = 150;
const WAY_MS = ROUND_TRIP_MS / 2;
const DOWN = 1_638.4 / 8; // bytes in a millisecond
const UP = 750 / 8;
const PROCESSOR = 4;
const PACKET = 1_448; // bytes of TCP in an Ethernet frame …
const HEADERS = 66; // … and the rest of it
const FIRST_WINDOW = 10 * PACKET;
const REQUEST = 600; // bytes, of a handshake as well
const SWITCHING = 250;

/**
 * @typedef {object} Bytes
 * @property {number} page
 * @property {number} greeting  frames up to the history
 * @property {number} history   the frame that has it
 *
 * @typedef {object} Work       milliseconds of this machine's processor
 * @property {number} first     until the socket is opened, by a script in the page's first bytes
 * @property {number} parse     while the rest of the page comes
 * @property {number} page      from its last byte until it asks for what the socket has got
 * @property {number} history   from there to the picture
 */

/** Time passes when everything has happened. */
class Clock {
    constructor() {
        this.time = 0;
        this.events = [];
    }

    now() {
        return this.time;
    }

    at(time, run) {
        let index = this.events.length;
        while (index && this.events[index - 1].time > time) index--;
        this.events.splice(index, 0, { time, run });
    }

    run() {
        for (let next; (next = this.events.shift()); next.run()) this.time = next.time;
    }
}

/** One direction: packets leave one after the other, and arrive in that order. */
class Line {
    /** @param {Clock} clock @param {number} rate bytes in a millisecond */
    constructor(clock, rate) {
        Object.assign(this, { clock, rate, free: 0, flying: [] });
    }

    /** @param {number} bytes @param {() => void} arrive */
    send(bytes, arrive) {
        const size = bytes + HEADERS * Math.ceil(bytes / PACKET);
        this.free = Math.max(this.free, this.clock.now()) + size / this.rate;
        this.flying.push({ time: this.free + WAY_MS, arrive });
        if (this.flying.length === 1) this.#wait();
    }

    #wait() {
        this.clock.at(this.flying[0].time, () => {
            const now = this.clock.now();
            while (this.flying.length && this.flying[0].time <= now) this.flying.shift().arrive();
            if (this.flying.length) this.#wait();
        });
    }
}

/** What a server says on one connection: never more under way than its window. */
class Sender {
    /** @param {Line} line */
    constructor(line) {
        Object.assign(this, { line, waiting: [], flying: 0, window: FIRST_WINDOW });
    }

    /** @param {number} bytes @param {(from: number, to: number) => void} arrive of each packet */
    push(bytes, arrive) {
        for (let from = 0; from < bytes; from += PACKET)
            this.waiting.push({ from, to: Math.min(from + PACKET, bytes), arrive });
        this.#send();
    }

    #send() {
        for (let next; (next = this.waiting[0]); this.waiting.shift()) {
            const { from, to, arrive } = next;
            if (this.flying + to - from > this.window) return;
            this.flying += to - from;
            this.line.send(to - from, () => {
                arrive(from, to);
                const { clock } = this.line;
                clock.at(clock.now() + WAY_MS, () => this.#acknowledged(to - from));
            });
        }
    }

    #acknowledged(bytes) {
        this.flying -= bytes;
        this.window += bytes;
        this.#send();
    }
}

/**
 * When the first message is seen, in milliseconds after the address was opened.
 * @param {Bytes} bytes @param {Work} work @returns {number}
 */
export function timeOf(bytes, work) {
    const clock = new Clock();
    const [down, up] = [new Line(clock, DOWN), new Line(clock, UP)];
    const after = (ms, run) => clock.at(clock.now() + ms, run);
    const page = new Sender(down);
    const socket = new Sender(down);
    const times = { first: 0, page: Infinity, history: Infinity };
    /** All of it is here. */
    const whole = (size, run) => (_, to) => to === size && run();
    const greet = () => {
        socket.push(SWITCHING + bytes.greeting, () => {});
        socket.push(bytes.history, whole(bytes.history, () => (times.history = clock.now())));
    };
    const connect = () => up.send(REQUEST, greet);
    const firstScript = () =>
        after(work.first * PROCESSOR, () => {
            times.first = clock.now();
            after(ROUND_TRIP_MS, connect);
        });
    after(ROUND_TRIP_MS, () =>
        up.send(REQUEST, () =>
            page.push(bytes.page, (from, to) => {
                // What its script needs stands in the first two packets.
                if (from < 2 * PACKET && to >= 2 * PACKET) firstScript();
                if (to === bytes.page) times.page = clock.now();
            }),
        ),
    );
    clock.run();
    const parsed = Math.max(times.page, times.first + work.parse * PROCESSOR);
    const listens = parsed + work.page * PROCESSOR;
    return Math.max(listens, times.history) + work.history * PROCESSOR;
}
