/**
 * Keeps the outbox of a page in IndexedDB, so that what was written survives a reload, a closed
 * tab and a crash.
 *
 * localStorage is the journal of what IndexedDB has not confirmed: all of it where there is no
 * IndexedDB (or it is blocked, full or broken), and what was under way when the page goes away,
 * since only localStorage can be written at that moment. An IndexedDB that opens late gets what
 * it has missed, and is asked then what former pages left. Nothing here throws; without either
 * of them messages live as long as the page.
 *
 * Each open page has a box of its own, so that two tabs do not send each other's messages. A
 * page takes over the boxes of its user that were released or whose page does not answer on a
 * BroadcastChannel. A page that was frozen meanwhile finds its records gone: update() says so,
 * and is asked before each sending.
 */
import { randomId } from './outbox.js';
import { area, get, put } from './storage.js';

/** @typedef {import('./types.js').Outgoing} Outgoing */
/** @typedef {import('./types.js').OutboxStorage} OutboxStorage */

/** @typedef {Outgoing & {user: string, box: string}} Row  in IndexedDB */

/**
 * @typedef {object} Journal  in localStorage, one per box
 * @property {string} user
 * @property {boolean} released   nobody uses the box any more
 * @property {Outgoing[]} entries what IndexedDB may not have
 * @property {string[]} done      what it may still have
 */

const NAME = 'confab';
const STORE = 'outbox';
const PREFIX = 'confab.outbox.';
const DB_MS = 2_000; // an IndexedDB that takes longer is as good as none, until it opens
const ROLL_CALL_MS = 500; // for other pages to say that they live

/** @implements {OutboxStorage} */
export class OutboxStore {
    /** @param {string} user messages are sent under the name they were written under */
    constructor(user) {
        this.user = user;
        this.box = randomId();
        /** @type {Map<string, Outgoing|null>} not confirmed by IndexedDB; null: removed */
        this.unconfirmed = new Map();
        /** @type {Set<string>} the cids in this box */
        this.cids = new Set();
        this.journaled = false;
        this.released = false; // the page is gone, or its user
        /** @type {BroadcastChannel|undefined} says that this page lives */
        this.channel = undefined;
        this.opening = openDatabase();
        /** @type {Promise<IDBDatabase|null>} null: it cannot be used, or not yet */
        this.db = within(DB_MS, (...settle) => void this.opening.then(...settle)).catch(() => null);
        const { signal } = (this.life = new AbortController());
        addEventListener('pagehide', () => this.#release(), { signal });
        addEventListener('pageshow', () => this.#appear(), { signal });
        document.addEventListener('visibilitychange', () => this.#hidden(), { signal });
        this.#appear();
    }

    /** The page stays but the user goes: what is left waits for the user's next visit. */
    close() {
        this.life.abort();
        this.#release();
    }

    /**
     * @param {(found: Outgoing[]) => void} late gets what is found when IndexedDB opens too late
     * @returns {Promise<Outgoing[]>} what former pages of this user left, oldest first
     */
    async load(late) {
        const found = await this.#find();
        if (!(await this.db)) void this.#openedLate(late);
        return found;
    }

    /** @param {(found: Outgoing[]) => void} tell */
    async #openedLate(tell) {
        const db = await this.opening.catch(() => null); // one that never answers: for ever
        if (!db) return;
        this.db = Promise.resolve(db);
        if (!(await this.#catchUp()) || this.life.signal.aborted) return;
        const found = await this.#find();
        if (found.length) tell(found);
    }

    /** @returns {Promise<boolean>} whether IndexedDB has what it has missed */
    async #catchUp() {
        this.#checkJournal();
        const missed = [...this.unconfirmed];
        const isDone = await this.#change('strict', (rows) => {
            for (const [cid, entry] of missed) {
                if (entry) rows.put({ ...entry, user: this.user, box: this.box });
                else rows.delete(cid);
            }
            rows.transaction.commit();
        });
        if (!isDone) return false;
        for (const [cid, entry] of missed)
            if (this.unconfirmed.get(cid) === entry) this.unconfirmed.delete(cid);
        if (this.journaled) this.#journal();
        return true;
    }

    /** @returns {Promise<Outgoing[]>} what former pages of this user left, oldest first */
    async #find() {
        const rows = await this.#read().catch(() => []);
        const boxes = new Set(rows.map((row) => row.box));
        const journals = findJournals(this.user);
        for (const box of journals.keys()) boxes.add(box);
        boxes.delete(this.box);
        const left = await this.#abandoned(boxes, journals);
        if (!left.size) return [];
        const found = await this.#adopt(left).catch(() => []);
        return found.sort((a, b) => a.created - b.created);
    }

    /** @param {Outgoing} entry a new one @returns {Promise<boolean>} true, once it is kept */
    add(entry) {
        this.cids.add(entry.cid);
        return this.#record(entry.cid, { ...entry }, (rows, row) => {
            rows.put(row);
            rows.transaction.commit(); // also when the page dies now
        });
    }

    /** @param {Outgoing} entry @returns {Promise<boolean>} false: no longer in this box */
    async update(entry) {
        this.#checkJournal();
        if (!this.cids.has(entry.cid)) return false;
        let mine = true;
        const isOpen = this.unconfirmed.has(entry.cid);
        await this.#record(entry.cid, { ...entry }, (rows, row) => {
            if (isOpen) return void rows.put(row); // it was not there to be taken
            rows.get(row.cid).onsuccess = ({ target }) => {
                const now = /** @type {IDBRequest<Row|undefined>} */ (target).result;
                mine = now?.box === this.box;
                if (mine) rows.put(row);
            };
        });
        if (!mine) this.cids.delete(entry.cid);
        return mine;
    }

    /** @param {string} cid */
    remove(cid) {
        this.cids.delete(cid);
        void this.#record(cid, null, (rows) => {
            rows.delete(cid);
            rows.transaction.commit();
        });
    }

    /** A journal that disappeared was taken over by another page, with all that is in it. */
    #checkJournal() {
        if (!this.journaled || get(area.local, PREFIX + this.box)) return;
        for (const cid of this.unconfirmed.keys()) this.cids.delete(cid);
        this.unconfirmed.clear();
        this.journaled = false;
    }

    /**
     * Writes one change; the journal has it until IndexedDB does.
     * @param {string} cid
     * @param {Outgoing|null} entry
     * @param {(rows: IDBObjectStore, row: Row) => void} write
     * @returns {Promise<boolean>} true
     */
    async #record(cid, entry, write) {
        this.#checkJournal();
        this.unconfirmed.set(cid, entry);
        const row = /** @type {Row} */ ({ ...entry, user: this.user, box: this.box });
        // What waits for the network should survive a power cut; what is sent now need not.
        const durability = entry && entry.state !== 'sent' ? 'strict' : 'relaxed';
        const isDone = await this.#change(durability, (rows) => write(rows, row));
        if (isDone && this.unconfirmed.get(cid) === entry) this.unconfirmed.delete(cid);
        if (this.journaled || !isDone) this.#journal();
        return true;
    }

    /**
     * @param {'strict'|'relaxed'} durability
     * @param {(rows: IDBObjectStore) => void} run
     * @returns {Promise<boolean>} whether it is done
     */
    async #change(durability, run) {
        const db = await this.db;
        if (!db) return false;
        const done = within(DB_MS, (resolve, reject) => {
            const change = db.transaction(STORE, 'readwrite', { durability });
            change.oncomplete = () => resolve(undefined);
            change.onabort = () => reject(change.error);
            run(change.objectStore(STORE));
        });
        return done.then(
            () => true,
            () => false,
        );
    }

    /** @returns {Promise<Row[]>} of this user, in all boxes */
    async #read() {
        const db = await this.db;
        if (!db) return [];
        const rows = await within(DB_MS, (resolve, reject) => {
            const request = db.transaction(STORE).objectStore(STORE).getAll();
            request.onsuccess = () => resolve(request.result);
            request.onerror = () => reject(request.error);
        });
        return rows.filter((/** @type {Row} */ row) => row.user === this.user);
    }

    /**
     * @param {Set<string>} boxes @param {Map<string, Journal>} journals
     * @returns {Promise<Set<string>>} those without a page
     */
    async #abandoned(boxes, journals) {
        const unknown = [...boxes].filter((box) => !journals.get(box)?.released);
        const alive = unknown.length ? await rollCall() : new Set();
        return new Set([...boxes].filter((box) => !alive.has(box)));
    }

    /**
     * In one transaction, so that of two pages one gets a box.
     * @param {Set<string>} boxes @returns {Promise<Outgoing[]>}
     */
    async #adopt(boxes) {
        /** @type {Map<string, Outgoing>} */
        const found = new Map();
        /** @type {Journal[]} */
        const journals = [];
        const takeJournals = () => {
            for (const box of boxes) journals.push(...takeJournal(box, this.user));
            for (const { entries } of journals)
                for (const entry of entries) found.set(entry.cid, entry);
            for (const { done } of journals) for (const cid of done) found.delete(cid);
        };
        const isDone = await this.#change('strict', (rows) => {
            rows.getAll().onsuccess = ({ target }) => {
                const all = /** @type {IDBRequest<Row[]>} */ (target).result;
                const left = all.filter((row) => row.user === this.user && boxes.has(row.box));
                for (const { user, box, ...entry } of left) found.set(entry.cid, entry);
                takeJournals();
                for (const { cid } of left) if (!found.has(cid)) rows.delete(cid);
                for (const entry of found.values())
                    rows.put({ ...entry, user: this.user, box: this.box });
            };
        });
        if (!isDone && !journals.length) takeJournals();
        for (const cid of found.keys()) this.cids.add(cid);
        if (isDone) return [...found.values()];
        for (const entry of found.values()) this.unconfirmed.set(entry.cid, entry);
        for (const { done } of journals) for (const cid of done) this.unconfirmed.set(cid, null);
        this.#journal();
        return [...found.values()];
    }

    #journal() {
        const { user, released } = this;
        const entries = [...this.unconfirmed.values()].filter((entry) => entry !== null);
        const done = [...this.unconfirmed.keys()].filter((cid) => !this.unconfirmed.get(cid));
        this.journaled = entries.length > 0 || done.length > 0 || (released && this.cids.size > 0);
        /** @type {Journal} */
        const journal = { user, released, entries, done };
        put(area.local, PREFIX + this.box, this.journaled ? journal : null);
    }

    #hidden() {
        // A phone ends a hidden page without another word.
        if (document.visibilityState === 'hidden' && this.unconfirmed.size) this.#journal();
    }

    #release() {
        this.channel?.close();
        this.channel = undefined;
        this.released = true;
        this.#journal();
    }

    /** The page is here, or here again. */
    #appear() {
        const channel = (this.channel ??= openChannel());
        if (channel)
            channel.onmessage = ({ data }) => {
                if (data?.asks) channel.postMessage({ lives: this.box });
            };
        this.released = false;
        this.#checkJournal();
        if (this.journaled) this.#journal();
    }
}

/** @returns {BroadcastChannel|undefined} */
function openChannel() {
    try {
        return new BroadcastChannel(NAME);
    } catch {
        return undefined;
    }
}

/** @returns {Promise<Set<string>>} the boxes whose pages answer */
function rollCall() {
    /** @type {Set<string>} */
    const alive = new Set();
    const channel = openChannel();
    if (!channel) return Promise.resolve(alive);
    channel.onmessage = ({ data }) => {
        if (typeof data?.lives === 'string') alive.add(data.lives);
    };
    channel.postMessage({ asks: true });
    return new Promise((resolve) => {
        setTimeout(() => {
            channel.close();
            resolve(alive);
        }, ROLL_CALL_MS);
    });
}

/** @param {string} user @returns {Map<string, Journal>} by box */
function findJournals(user) {
    /** @type {Map<string, Journal>} */
    const found = new Map();
    for (const key of keys()) {
        const journal = get(area.local, key);
        if (journal?.user === user) found.set(key.slice(PREFIX.length), journal);
    }
    return found;
}

/** @param {string} box @param {string} user @returns {Journal[]} one or none */
function takeJournal(box, user) {
    const journal = get(area.local, PREFIX + box);
    if (journal?.user !== user) return [];
    put(area.local, PREFIX + box, null);
    return [{ ...journal, entries: journal.entries ?? [], done: journal.done ?? [] }];
}

/** @returns {string[]} of all journals */
function keys() {
    try {
        return Object.keys(area.local()).filter((key) => key.startsWith(PREFIX));
    } catch {
        return [];
    }
}

/** @returns {Promise<IDBDatabase>} of which nobody knows when it settles, or whether */
function openDatabase() {
    return new Promise((resolve, reject) => {
        const request = indexedDB.open(NAME, 1);
        request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'cid' });
        request.onerror = () => reject(request.error);
        request.onsuccess = () => {
            request.result.onversionchange = () => request.result.close(); // for a newer page
            resolve(request.result);
        };
    });
}

/**
 * @param {number} ms
 * @param {(resolve: (value: any) => void, reject: (reason: unknown) => void) => void} start
 * @returns {Promise<any>} rejected when it takes longer, or when start throws
 */
function within(ms, start) {
    return new Promise((resolve, reject) => {
        setTimeout(() => reject(new Error('took too long')), ms);
        start(resolve, reject);
    });
}
