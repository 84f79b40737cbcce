/**
 * The state of the page, in one place: what the client reported, and what the user chose.
 * Views read it and listen to `change`; only the functions here write it.
 *
 * `change` names what changed: connection, streams (the lists at the side), active (another
 * room is shown), messages, outbox, people, typing, hold. Changes of one turn come together.
 */
import { ConfabClient } from './confab-client.js';
import { Emitter } from './emitter.js';
import { OutboxStore } from './outbox-store.js';
import { Run } from './run.js';
import * as storage from './storage.js';
import { StreamView } from './stream-view.js';

/** @typedef {import('./types.js').Frame} Frame */
/** @typedef {import('./types.js').Batch} Batch */
/** @typedef {import('./types.js').Stream} Stream */

/**
 * @typedef {'connection'|'streams'|'active'|'messages'|'outbox'|'people'|'typing'|'hold'} Topic
 * @typedef {{
 *   change: Set<Topic>,
 *   batch: Batch,
 *   refused: import('./types.js').Refusal,
 *   page: {stream: Stream, way: 'older'|'newer'},
 *   found: {stream: Stream, id: string},
 * }} StoreEvents
 */

const FIRST_ROOM = 'general';
const EMPTY_PAGES = 8; // in a row, of epochs that have nothing there
const PAGE_RETRY_MS = 3_000; // until a page that could not be had is asked for again
const AROUND = 25; // messages on both sides of one that was searched for
const READ_EVERY_MS = 1_000; // read marks: at most so often …
const READ_PER_PERSON_MS = 200; // … and rarer in a large room, where everybody gets them

/** @extends {Emitter<StoreEvents>} */
export class Store extends Emitter {
    /**
     * @param {string} url of the WebSocket
     * @param {string} name
     * @param {(stale: string) => Promise<string>} [token] of an account, see ConfabClient
     */
    constructor(url, name, token) {
        super();
        this.me = name.normalize('NFC');
        /** @type {Map<Stream, StreamView>} */
        this.streams = new Map();
        /** @type {Stream} */
        this.active = '';
        this.looking = false; // the user sees the newest messages of the active stream
        this.degraded = '';
        this.archive = false; // pages go past the latest messages, and there is a search
        this.hold = { code: '', until: 0 };
        /** @type {Map<Stream, {seq: number, timer: ReturnType<typeof setTimeout>}>} */
        this.reading = new Map();
        /** @type {Set<Topic>} */
        this.changes = new Set();
        this.kept = new OutboxStore(this.me);
        const session = storage.session();
        this.client = new ConfabClient({ url, session, token, storage: this.kept });
        this.#listen();
    }

    get connection() {
        return this.client.connection.status;
    }

    get limits() {
        return this.client.limits;
    }

    /** @returns {StreamView|undefined} */
    get current() {
        return this.streams.get(this.active);
    }

    /** @param {Stream} first what to show first, "" for the room that was joined first */
    enter(first) {
        const rooms = storage.rooms(this.me);
        for (const room of rooms.length ? rooms : [FIRST_ROOM]) this.#add(room);
        this.client.connect(this.me);
        this.show(first || [...this.streams.keys()][0]);
    }

    /** The user goes. Rooms, marks and unsent messages stay for the next time. */
    quit() {
        this.client.disconnect();
        this.kept.close();
        for (const { timer } of this.reading.values()) clearTimeout(timer);
    }

    /** @param {Stream} stream Shows it, and joins or opens it first when that is new. */
    show(stream) {
        const name = stream.normalize('NFC');
        this.#add(name);
        this.active = name;
        this.looking = false;
        this.#keepRooms();
        this.#changed('active', 'streams');
    }

    /** @param {string} room */
    leave(room) {
        this.client.leave(room);
    }

    /** @param {string} content */
    say(content) {
        this.client.sendMessage(this.active, content);
    }

    typing() {
        this.client.typing(this.active);
    }

    /** Loads what comes before the messages that are shown. A `page` event says that it is here. */
    async loadOlder() {
        const view = this.current;
        const run = view?.shown;
        if (!view || !run?.older) return;
        await this.#load(view, run, 'older', async () => {
            for (let pages = 0; run.older && pages < EMPTY_PAGES; pages++) {
                const { older } = run;
                const page = await this.client.page(view.name, older);
                run.prependPage(page, older.before ?? 0);
                if (page.messages.length) break; // else an epoch has ended: on to the one before
            }
        });
    }

    /** Loads what follows an earlier place, until the newest messages are reached. */
    async loadNewer() {
        const view = this.current;
        const run = view?.past;
        if (!view || !run?.newer) return;
        await this.#load(view, run, 'newer', async () => {
            for (let pages = 0; run.newer && pages < EMPTY_PAGES; pages++) {
                const { newer } = run;
                const page = await this.client.page(view.name, newer);
                run.appendPage(page, page.epoch === newer.epoch ? newer.after ?? 0 : 0);
                if (page.messages.length) break;
            }
            view.attach();
        });
    }

    /**
     * @param {StreamView} view @param {Run} run @param {'older'|'newer'} way
     * @param {() => Promise<void>} load
     */
    async #load(view, run, way, load) {
        if (run.loading || run.retryAt > Date.now()) return;
        run.loading = true;
        this.emit('page', { stream: view.name, way });
        try {
            await load();
            run.retryAt = 0;
        } catch {
            run.retryAt = Date.now() + PAGE_RETRY_MS;
        }
        run.loading = false;
        this.emit('page', { stream: view.name, way });
    }

    /**
     * Shows a message that a search has found, with what was said around it.
     * @param {Stream} stream @param {string} epoch @param {import('./types.js').Message} message
     */
    async showMessage(stream, epoch, message) {
        this.show(stream);
        await null; // first the views open the place
        const view = this.current;
        if (!view) return;
        const after = Math.max(0, message.seq - AROUND - 1);
        if (view.live.ids.has(message.id)) {
            view.past = null;
        } else if (!view.past?.ids.has(message.id)) {
            const page = await this.client.page(view.name, { epoch, after }, 2 * AROUND);
            const run = new Run();
            run.older = page.older;
            run.appendPage(page, after);
            view.past = run;
            view.attach();
        }
        if (view === this.current) this.emit('found', { stream: view.name, id: message.id });
    }

    /** Back to the newest messages. */
    leavePast() {
        if (this.current) this.current.past = null;
    }

    /** @param {boolean} looking The view says whether the newest messages are in sight. */
    look(looking) {
        this.looking = looking;
        if (looking && this.current) this.#markRead(this.current);
    }

    /** @returns {StreamView[]} */
    get rooms() {
        return [...this.streams.values()].filter((view) => !view.isPrivate);
    }

    /** @returns {StreamView[]} those with the latest message first */
    get conversations() {
        const shown = [...this.streams.values()].filter(
            (view) =>
                view.isPrivate &&
                (view.latest ||
                    view.name === this.active ||
                    this.client.outbox.of(view.name).length),
        );
        const age = (/** @type {StreamView} */ view) => view.latest?.timestamp ?? Infinity;
        return shown.sort((a, b) => age(b) - age(a));
    }

    get unread() {
        return [...this.streams.values()].reduce((sum, view) => sum + view.unread, 0);
    }

    #listen() {
        const { client } = this;
        client.on('state', ({ state }) => {
            if (state === 'connecting') this.degraded = ''; // the next server speaks for itself
            if (state === 'waiting') for (const view of this.streams.values()) view.typing.clear();
            this.#changed('connection', 'typing');
        });
        client.on('welcome', (frame) => this.#welcomed(frame));
        client.on('joined', (frame) => this.#joined(frame));
        client.on('messages', (batch) => this.#messages(batch));
        client.on('presence', (frame) => this.#presence(frame));
        client.on('left', ({ stream }) => this.#gone(stream));
        client.on('typing', ({ stream, user }) => {
            this.streams.get(stream)?.showTyping(user);
            this.#changed('typing');
        });
        client.on('read', (mark) => this.#read(mark));
        client.on('status', ({ ok, reason }) => {
            this.degraded = ok ? '' : reason || 'degraded';
            this.#changed('connection');
        });
        client.on('outbox', ({ stream }) => this.#changed(...outboxTopics(stream === this.active)));
        client.on('hold', (hold) => {
            this.hold = hold;
            this.#changed('hold');
        });
        client.on('refused', (refusal) => {
            if (refusal.stream) this.#gone(refusal.stream);
            this.emit('refused', refusal);
        });
    }

    /** @param {Frame} frame */
    #welcomed(frame) {
        this.me = frame.user ?? this.me;
        this.archive = frame.archive ?? false;
        this.hold = { code: '', until: 0 };
        storage.keepSession(this.client.session);
        storage.keepUser(this.me, true);
        this.#changed('connection', 'hold');
    }

    /** @param {Frame} frame */
    #joined(frame) {
        const view = this.#add(frame.room ?? '');
        view.members = frame.members ? new Set(frame.members) : null;
        view.count = frame.count ?? 0;
        this.#changed('people');
    }

    /** @param {Frame} frame */
    #presence(frame) {
        const view = this.streams.get(frame.room ?? '');
        if (!view) return;
        view.count = frame.count ?? view.count;
        for (const user of frame.join ?? []) view.members?.add(user);
        for (const user of frame.leave ?? []) view.members?.delete(user);
        // A room that has grown too large is only counted from then on.
        if (!frame.join?.length && !frame.leave?.length && view.members?.size !== view.count)
            view.members = null;
        this.#changed('people');
    }

    /** @param {Batch} batch */
    #messages(batch) {
        const view = this.#add(batch.stream);
        view.take(batch);
        if (batch.stream === this.active && this.looking) this.#markRead(view);
        this.emit('batch', batch);
        this.#changed('messages', 'streams', 'typing');
    }

    /** @param {{stream: Stream, user: string, seq: number}} mark */
    #read({ stream, user, seq }) {
        const view = this.streams.get(stream);
        if (!view) return;
        if (user === this.me)
            this.#raise(view, seq); // read in another tab or on another device
        else view.readers.set(user, Math.max(seq, view.readers.get(user) ?? 0));
        this.#changed('outbox');
    }

    /** @param {StreamView} view @param {number} seq @returns {boolean} whether that was news */
    #raise(view, seq) {
        if (!view.ready || !view.raiseMark(seq)) return false;
        storage.keepMark(this.me, view.name, { epoch: view.epoch, seq });
        this.#changed('streams');
        return true;
    }

    /** @param {StreamView} view */
    #markRead(view) {
        const seq = view.top;
        const hadUnread = view.unread > 0;
        if (!this.#raise(view, seq) || !hadUnread || this.reading.has(view.name)) {
            const waiting = this.reading.get(view.name);
            if (waiting) waiting.seq = seq;
            return;
        }
        const delay = READ_EVERY_MS + READ_PER_PERSON_MS * view.count * Math.random();
        const timer = setTimeout(() => {
            this.client.read(view.name, this.reading.get(view.name)?.seq ?? seq);
            this.reading.delete(view.name);
        }, delay);
        this.reading.set(view.name, { seq, timer });
    }

    /** @param {Stream} name @returns {StreamView} */
    #add(name) {
        let view = this.streams.get(name);
        if (view) return view;
        view = new StreamView(name, this.me, storage.marks(this.me)[name]);
        this.streams.set(name, view);
        if (view.isPrivate) this.client.openPrivate(view.title);
        else this.client.join(name);
        this.#keepRooms();
        this.#changed('streams');
        return view;
    }

    /** @param {Stream} name */
    #gone(name) {
        if (!this.streams.delete(name)) return;
        this.#keepRooms();
        if (this.active === name) {
            this.active = this.rooms[0]?.name ?? [...this.streams.keys()][0] ?? '';
            this.looking = false;
            this.#changed('active');
        }
        this.#changed('streams');
    }

    #keepRooms() {
        storage.keepRooms(
            this.me,
            this.rooms.map((view) => view.name),
        );
    }

    /** @param {...Topic} topics Tells the views, once per turn. */
    #changed(...topics) {
        if (!this.changes.size)
            queueMicrotask(() => {
                const { changes } = this;
                this.changes = new Set();
                this.emit('change', changes);
            });
        for (const topic of topics) this.changes.add(topic);
    }
}

/** @param {boolean} isActive @returns {Topic[]} */
function outboxTopics(isActive) {
    return isActive ? ['outbox', 'streams'] : ['streams'];
}
