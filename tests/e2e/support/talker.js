/** A ConfabClient in node that writes down what it is told; it leaves when the test ends. */
import WebSocket from 'ws';
import { ConfabClient } from '../../../public/js/confab-client.js';
import { randomId } from '../../../public/js/outbox.js';
import { until } from './server.js';

const EVENTS = [
    'state',
    'welcome',
    'joined',
    'messages',
    'presence',
    'typing',
    'read',
    'status',
    'refused',
    'outbox',
    'hold',
];

export class Talker {
    constructor(t, url, name, options = {}) {
        this.name = name;
        this.batches = [];
        this.seen = {};
        this.client = new ConfabClient({ url, session: randomId(), WebSocket, ...options });
        t.after(() => this.client.disconnect());
        for (const event of EVENTS) {
            this.seen[event] = [];
            this.client.on(event, (detail) => this.seen[event].push(detail));
        }
    }

    /** Connects and waits for the history of the rooms. */
    async enter(...rooms) {
        for (const room of rooms) this.client.join(room);
        this.client.connect(this.name);
        await this.until(
            () => rooms.every((room) => this.client.streams.get(room)?.settled),
            'joined',
        );
        return this;
    }

    async until(probe, what, ms) {
        try {
            await until(this.client, EVENTS, probe, `${this.name}: ${what}`, ms);
        } catch (error) {
            error.message += `\n${JSON.stringify({ ...this.seen, outbox: this.client.outbox.entries })}`;
            throw error;
        }
    }

    /** What was said in a stream, as far as this client was told, in the order of telling. */
    messages(stream) {
        return this.seen.messages
            .filter((batch) => batch.stream === stream)
            .flatMap((batch) => batch.messages);
    }

    texts(stream) {
        return this.messages(stream).map((message) => message.content);
    }

    async hears(stream, text, ms) {
        await this.until(() => this.texts(stream).includes(text), `hears "${text}"`, ms);
    }

    /** Says it and waits until it is in the stream. */
    async say(stream, text) {
        this.client.sendMessage(stream, text);
        await this.hears(stream, text);
    }
}
