/**
 * The state of the page, in one place: what the client reported, and what the user chose.
 * Views read it and listen to `change`; only the functions here write it.
 *
 * `change` names what changed: connection, streams (the lists at the side), active (another
 * room is shown), messages, outbox, people, typing, hold, marks (what the others have), guard
 * (what may be done in a room), mentions, seen (who was here when). Changes of one turn come together.
 */
import { Unanswered } from './asks.js';
import { ConfabClient } from './confab-client.js';
import { Emitter } from './emitter.js';
import { guardTold, isSaid } from './events.js';
import { OutboxStore } from './outbox-store.js';
import { Run } from './run.js';
import * as storage from './storage.js';
import { StreamView } from './stream-view.js';

/** @typedef {import('./types.js').Frame} Frame */
/** @typedef {import('./types.js').Batch} Batch */
/** @typedef {import('./types.js').Stream} Stream */
/** @typedef {import('./types.js').Mention} Mention */
/** @typedef {import('./run.js').MessageItem} MessageItem */

/**
 * @typedef {'connection'|'streams'|'active'|'messages'|'outbox'|'people'|'typing'|'hold'|'marks'|
 *   'guard'|'mentions'|'seen'} Topic
 * @typedef {{
 *   change: Set<Topic>,
 *   batch: {batch: Batch, added: number, changed: MessageItem[]},
 *   refused: import('./types.js').Refusal,
 *   evicted: {stream: Stream, reason: string, until: number},
 *   edit: MessageItem,
 *   quote: MessageItem,
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
const ROOMS_TOLD_MS = 3_000; // a server that knows one's rooms says them sooner
const MENTIONS = '!mentions'; // as if they were a stream

/** @extends {Emitter<StoreEvents>} */
export class Store extends Emitter {
    /**
     * @param {string} url of the WebSocket
     * @param {string} name
     * @param {(stale: string) => Promise<string>} [token] of an account, see ConfabClient
     * @param {import('./connection.js').Opened} [opened]
     */
    constructor(url, name, token, opened) {
        super();
        this.me = name.normalize('NFC');
        /** @type {Map<Stream, StreamView>} */
        this.streams = new Map();
        /** @type {Stream} */
        this.active = '';
        this.looking = false; // the user sees the newest messages of the active stream
        this.degraded = '';
        /** @type {Map<string, number>} when people were last seen; 0: here now */
        this.seen = new Map();
        this.instance = '';
        this.rtt = 0; // ms; 0: not known
        this.skew = 0; // of the server's clock, ms
        this.archive = false; // pages go past the latest messages, and there is a search
        this.hold = { code: '', until: 0 };
        this.isAccount = Boolean(token);
        this.mentions = { epoch: '', seq: 0, unseen: 0 };
        /** @type {string[]} rooms of this browser, until the server has told those of the account */
        this.untold = [];
        /** @type {ReturnType<typeof setTimeout>|undefined} */
        this.roomsTimer = undefined;
        /** @type {Map<Stream, {seq: number, timer: ReturnType<typeof setTimeout>}>} */
        this.reading = new Map();
        /** @type {Set<Topic>} */
        this.changes = new Set();
        this.kept = new OutboxStore(this.me);
        const session = storage.session();
        this.client = new ConfabClient({ url, session, token, storage: this.kept, opened });
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
        if (!rooms.length) rooms.push(FIRST_ROOM);
        // The rooms of an account are known to the server; this browser may be behind.
        const isTold = this.isAccount;
        for (const room of isTold ? [] : rooms) this.#add(room);
        if (isTold) this.untold = rooms;
        this.show(first || rooms[0]);
        this.client.connect(this.me, this.active);
    }

    /** @param {string[]} rooms  what the server said, none when it said nothing */
    #joinRooms(rooms) {
        clearTimeout(this.roomsTimer);
        const { untold } = this;
        this.untold = [];
        if (!rooms.length) for (const room of untold) this.#add(room);
    }

    /** The user goes. Rooms, marks and unsent messages stay for the next time. */
    quit() {
        this.client.disconnect();
        this.kept.close();
        clearTimeout(this.roomsTimer);
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

    /** @param {string} room @param {string} code  of an invitation */
    accept(room, code) {
        this.client.join(room, { invite: code });
        this.show(room);
    }

    /** @returns {MessageItem|undefined} the latest message of oneself that can be edited */
    get lastOwn() {
        const items = this.current?.items ?? [];
        for (let i = items.length - 1; i >= 0; i--) {
            const item = items[i];
            if (item.kind !== 'message' || item.message.user !== this.me) continue;
            if (isSaid(item.message) && !item.message.deleted) return item;
        }
        return undefined;
    }

    /** @param {MessageItem} item The composer shall change it. */
    beginEdit(item) {
        this.emit('edit', item);
    }

    /** @param {MessageItem} item The composer shall answer it. */
    beginQuote(item) {
        this.emit('quote', item);
    }

    /** All mentions have been looked at. */
    seeMentions() {
        if (this.mentions.unseen) this.client.readMentions(this.mentions.seq);
        this.mentions.unseen = 0;
        this.#changed('mentions');
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
                run.prependPage(page, older.before ?? 0, run === view.past ? view.top : 0);
                if (page.messages.length) break; // else an epoch has ended: on to the one before
            }
            if (run === view.shown) view.letGo('older');
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
                const after = page.epoch === newer.epoch ? (newer.after ?? 0) : 0;
                run.appendPage(page, after, view.top);
                if (page.messages.length) break;
            }
            if (run === view.shown) view.letGo('newer');
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
     * @param {Stream} stream @param {string} epoch @param {{seq: number, id: string}} message
     */
    async showMessage(stream, epoch, message) {
        this.show(stream);
        await null; // first the views open the place
        const view = this.current;
        if (!view) return;
        const after = Math.max(0, message.seq - AROUND - 1);
        await this.#opened(view);
        if (view.live.byId.has(message.id)) {
            view.past = null;
        } else if (!view.past?.byId.has(message.id)) {
            const page = await this.client.page(view.name, { epoch, after }, 2 * AROUND);
            const run = new Run();
            run.older = page.older;
            run.appendPage(page, after, view.top);
            view.past = run;
            view.attach();
        }
        if (view === this.current) this.emit('found', { stream: view.name, id: message.id });
    }

    /** @param {Stream} stream @param {number} seq Shows the message of an address #STREAM/SEQ. */
    async showAt(stream, seq) {
        this.show(stream);
        const view = this.current;
        if (!view) return;
        await this.#opened(view);
        const known = [...(view.past?.items ?? []), ...view.items].find(
            (item) => item.kind === 'message' && item.given.seq === seq,
        );
        if (known?.kind === 'message') return this.showMessage(stream, known.epoch, known.given);
        const page = await this.client.page(view.name, { epoch: view.epoch, after: seq - 1 }, 1);
        const [message] = page.messages;
        if (message?.seq !== seq) throw new Unanswered('not_found');
        await this.showMessage(stream, page.epoch, message);
    }

    /** @param {StreamView} view @returns {Promise<void>} when its messages are here, or cannot be */
    #opened(view) {
        if (view.ready) return Promise.resolve();
        return new Promise((resolve) => {
            const off = this.on('change', () => {
                if (!view.ready && this.streams.get(view.name) === view) return;
                off();
                resolve();
            });
        });
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
                    view.told ||
                    view.name === this.active ||
                    this.client.outbox.of(view.name).length),
        );
        // Those that were only told of keep the order in which they were: the latest first.
        const age = (/** @type {StreamView} */ view) =>
            view.latest?.timestamp ?? (view.told ? 0 : Infinity);
        return shown.sort((a, b) => age(b) - age(a));
    }

    /** @param {StreamView} view @param {number} seq of a message of oneself */
    tick(view, seq) {
        return view.tick(seq, this.limits?.receipts ?? 0);
    }

    /** @param {Record<string, number>} people */
    learnSeen(people) {
        this.seen = new Map(Object.entries(people));
        this.#changed('seen');
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
        client.on('left', (left) => {
            this.#gone(left.stream);
            if (left.reason) this.emit('evicted', left);
        });
        client.on('conversations', (frame) => this.#conversations(frame));
        client.on('mention', (mention) => this.#mentioned(mention));
        client.on('delivered', (mark) => this.#delivered(mark));
        client.on('marks', ({ stream, epoch, marks }) => {
            this.streams.get(stream)?.learnMarks(epoch, marks);
            this.#changed('marks');
        });
        client.on('measured', ({ rtt, skew }) => {
            Object.assign(this, { rtt, skew });
            this.#changed('connection');
        });
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
        client.on('hold', ({ code, until, stream }) => {
            const view = this.streams.get(stream);
            if (view) view.slowUntil = until;
            else this.hold = { code, until };
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
        this.instance = frame.instance ?? '';
        this.hold = { code: '', until: 0 };
        if (this.untold.length)
            this.roomsTimer = setTimeout(() => this.#joinRooms([]), ROOMS_TOLD_MS);
        storage.keepSession(this.client.session);
        storage.keepUser(this.me, true);
        this.#changed('connection', 'hold');
    }

    /** @param {Frame} frame */
    #joined(frame) {
        const view = this.#add(frame.room ?? '');
        view.members = frame.members ? new Set(frame.members) : null;
        view.count = frame.count ?? 0;
        view.guard = guardTold(view.guard, frame.guard);
        this.#changed('people', 'guard');
    }

    /** @param {Frame} frame */
    #conversations({ list = [], mentions, rooms = {} }) {
        for (const told of list) {
            const name = `@${told.with}`;
            const view = this.streams.get(name) ?? this.#view(name);
            this.streams.set(name, view);
            view.learn(told);
        }
        for (const [room, read] of Object.entries(rooms)) this.#add(room).learnRead(read);
        this.#joinRooms(Object.keys(rooms));
        const { epoch = '', seq = 0, unread = 0 } = mentions ?? {};
        this.mentions = { epoch, seq, unseen: unread };
        this.#changed('streams', 'marks', 'mentions');
    }

    /** @param {Mention} mention */
    #mentioned({ epoch, seq, room }) {
        if (epoch === this.mentions.epoch && seq <= this.mentions.seq) return;
        const { unseen } = this.mentions;
        const isSeen = room === this.active && this.looking;
        this.mentions = { epoch, seq, unseen: unseen + 1 };
        if (isSeen && !unseen) this.seeMentions();
        this.#changed('mentions');
    }

    /** @param {{stream: Stream, user: string, seq: number}} mark */
    #delivered({ stream, user, seq }) {
        const view = this.streams.get(stream);
        if (!view || user === this.me) return;
        view.delivered = Math.max(view.delivered, seq);
        this.#changed('marks');
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
        const { guard, slowUntil } = view;
        const taken = view.take(batch);
        if (batch.kind === 'live') view.trim(view !== this.current || this.looking);
        if (batch.stream === this.active && this.looking) this.#markRead(view);
        this.emit('batch', { batch, ...taken });
        this.#changed('messages', 'streams', 'typing');
        if (guard !== view.guard) this.#changed('guard');
        if (slowUntil !== view.slowUntil) this.#changed('hold');
    }

    /** @param {{stream: Stream, user: string, seq: number}} mark */
    #read({ stream, user, seq }) {
        if (stream === MENTIONS) {
            const { unseen, seq: top } = this.mentions;
            this.mentions.unseen = Math.min(unseen, Math.max(0, top - seq));
            return this.#changed('mentions');
        }
        const view = this.streams.get(stream);
        if (!view) return;
        if (user === this.me)
            this.#raise(view, seq); // read in another tab or on another device
        else view.readers.set(user, Math.max(seq, view.readers.get(user) ?? 0));
        this.#changed('marks');
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
        if (!view) {
            view = this.#view(name);
            this.streams.set(name, view);
            this.#keepRooms();
            this.#changed('streams');
        }
        // A conversation that was only told of is opened now.
        if (view.isPrivate) this.client.openPrivate(view.title);
        else this.client.join(name);
        return view;
    }

    /** @param {Stream} name @returns {StreamView} */
    #view(name) {
        return new StreamView(name, this.me, storage.marks(this.me)[name]);
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
