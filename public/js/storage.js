/**
 * What the browser keeps between visits. Storage may be full, forbidden or shared with other
 * tabs; nothing here throws, and the page works without it (until it is reloaded).
 */
import { randomId } from './outbox.js';

/** @typedef {import('./types.js').Outgoing} Outgoing */
/** @typedef {import('./types.js').Position} Position */
/** @typedef {import('./types.js').Stream} Stream */

const PREFIX = 'confab.';
const OUTBOX = `${PREFIX}outbox.`;
const ABANDONED_MS = 30_000; // an outbox whose tab has not touched it for so long is adopted
const TOUCH_MS = 10_000;

/** @type {Map<string, string>} stands in for a storage that cannot be used */
const memory = new Map();

/** @param {Storage} area @param {string} key @returns {any} */
function get(area, key) {
    try {
        return JSON.parse(area.getItem(key) ?? memory.get(key) ?? 'null');
    } catch {
        return null;
    }
}

/** @param {Storage} area @param {string} key @param {unknown} value null removes it */
function put(area, key, value) {
    try {
        if (value === null) area.removeItem(key);
        else area.setItem(key, JSON.stringify(value));
        memory.delete(key);
    } catch {
        memory.set(key, JSON.stringify(value));
    }
}

/** The value that makes this browser the same user next time. @returns {string} */
export function session() {
    const known = get(localStorage, `${PREFIX}session`);
    if (typeof known === 'string' && known) return known;
    const made = randomId() + randomId();
    put(localStorage, `${PREFIX}session`, made);
    return made;
}

/** @param {string} value */
export function keepSession(value) {
    put(localStorage, `${PREFIX}session`, value);
}

/** This tab's name first, then the browser's. @returns {{name: string, entered: boolean}} */
export function user() {
    const found = get(sessionStorage, `${PREFIX}user`) ?? get(localStorage, `${PREFIX}user`);
    return { name: String(found?.name ?? ''), entered: Boolean(found?.entered) };
}

/** @param {string} name @param {boolean} entered whether a reload goes straight into the chat */
export function keepUser(name, entered) {
    put(sessionStorage, `${PREFIX}user`, { name, entered });
    put(localStorage, `${PREFIX}user`, { name, entered });
}

/** @param {string} name @returns {string[]} the rooms that this user was in */
export function rooms(name) {
    const found = get(localStorage, `${PREFIX}rooms.${name}`);
    return Array.isArray(found) ? found.filter((room) => typeof room === 'string') : [];
}

/** @param {string} name @param {string[]} list */
export function keepRooms(name, list) {
    put(localStorage, `${PREFIX}rooms.${name}`, list);
}

/** @param {string} name @returns {Record<Stream, Position>} up to where each stream was read */
export function marks(name) {
    return get(localStorage, `${PREFIX}read.${name}`) ?? {};
}

/** @param {string} name @param {Stream} stream @param {Position} position */
export function keepMark(name, stream, position) {
    // Other tabs write it too, so read it again, and let it only rise.
    const all = marks(name);
    const old = all[stream];
    if (old && old.epoch === position.epoch && old.seq >= position.seq) return;
    put(localStorage, `${PREFIX}read.${name}`, { ...all, [stream]: position });
}

/**
 * Each page that is open has an outbox of its own, so that two tabs do not send each other's
 * messages. A page that goes away releases its outbox; the next one takes it over, as it does
 * with one that nobody has touched for a while (its browser crashed).
 */
export class OutboxStore {
    /** @param {string} user messages are sent under the name they were written under */
    constructor(user) {
        this.user = user;
        this.key = OUTBOX + randomId();
        /** @type {Outgoing[]} */
        this.entries = [];
        const { signal } = (this.life = new AbortController());
        addEventListener('pagehide', () => this.#write(0), { signal });
        addEventListener('pageshow', () => this.#write(Date.now()), { signal });
        this.timer = setInterval(() => this.entries.length && this.#write(Date.now()), TOUCH_MS);
    }

    /** The page stays but the user goes: what is left waits for the user's next visit. */
    close() {
        this.life.abort();
        clearInterval(this.timer);
        this.#write(0);
    }

    /** @returns {Outgoing[]} what former pages of this user left */
    load() {
        /** @type {Outgoing[]} */
        const found = [];
        for (const key of keys()) {
            const box = get(localStorage, key);
            if (box?.user !== this.user || Date.now() - box.touched < ABANDONED_MS) continue;
            found.push(...box.entries);
            put(localStorage, key, null);
        }
        this.save(found.sort((a, b) => a.created - b.created));
        return found;
    }

    /** @param {Outgoing[]} entries */
    save(entries) {
        this.entries = entries;
        this.#write(Date.now());
    }

    /** @param {number} touched 0: released */
    #write(touched) {
        const { user, entries } = this;
        put(localStorage, this.key, entries.length ? { user, touched, entries } : null);
    }
}

/** @returns {string[]} the keys of all outboxes */
function keys() {
    try {
        return Object.keys(localStorage).filter((key) => key.startsWith(OUTBOX));
    } catch {
        return [];
    }
}
