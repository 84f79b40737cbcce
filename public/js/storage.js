/**
 * What the browser keeps between visits. Storage may be full, forbidden or shared with other
 * tabs; nothing here throws, and the page works without it (until it is reloaded).
 */
import { randomId } from './outbox.js';

/** @typedef {import('./types.js').Position} Position */
/** @typedef {import('./types.js').Stream} Stream */

const PREFIX = 'confab.';

/** Even to name them throws where a browser keeps nothing for this site. */
export const area = { local: () => localStorage, session: () => sessionStorage };

/** @type {Map<string, string>} stands in for a storage that cannot be used */
const memory = new Map();

/** @param {() => Storage} where @param {string} key @returns {any} null when it is not there */
export function get(where, key) {
    try {
        return JSON.parse(memory.get(key) ?? where().getItem(key) ?? 'null');
    } catch {
        return null;
    }
}

/** @param {() => Storage} where @param {string} key @param {unknown} value null removes it */
export function put(where, key, value) {
    try {
        if (value === null) where().removeItem(key);
        else where().setItem(key, JSON.stringify(value));
        memory.delete(key);
    } catch {
        memory.set(key, JSON.stringify(value));
    }
}

/** The value that makes this browser the same user next time. @returns {string} */
export function session() {
    const known = get(area.local, `${PREFIX}session`);
    if (typeof known === 'string' && known) return known;
    const made = randomId() + randomId();
    put(area.local, `${PREFIX}session`, made);
    return made;
}

/** @param {string} value */
export function keepSession(value) {
    put(area.local, `${PREFIX}session`, value);
}

/** This tab's name first, then the browser's. @returns {{name: string, entered: boolean}} */
export function user() {
    const found = get(area.session, `${PREFIX}user`) ?? get(area.local, `${PREFIX}user`);
    return { name: String(found?.name ?? ''), entered: Boolean(found?.entered) };
}

/** @param {string} name @param {boolean} entered whether a reload goes straight into the chat */
export function keepUser(name, entered) {
    put(area.session, `${PREFIX}user`, { name, entered });
    put(area.local, `${PREFIX}user`, { name, entered });
}

export const ACCOUNT = `${PREFIX}account`;
export const EMOJI = `${PREFIX}emoji`; // used lately

/** What keeps this browser logged in; see Account. */
export const login = {
    /** @returns {import('./account.js').Login|null} */
    read() {
        const found = get(area.local, ACCOUNT);
        const isLogin = ['name', 'device', 'refresh'].every((k) => typeof found?.[k] === 'string');
        return isLogin ? found : null;
    },
    /** @param {import('./account.js').Login|null} value */
    write: (value) => put(area.local, ACCOUNT, value),
};

/** @param {string} name @returns {string[]} the rooms that this user was in */
export function rooms(name) {
    const found = get(area.local, `${PREFIX}rooms.${name}`);
    return Array.isArray(found) ? found.filter((room) => typeof room === 'string') : [];
}

/** @param {string} name @param {string[]} list */
export function keepRooms(name, list) {
    put(area.local, `${PREFIX}rooms.${name}`, list);
}

/** @param {string} name @param {Stream} stream @returns {string} what was begun there */
export function draft(name, stream) {
    return String(get(area.local, `${PREFIX}drafts.${name}`)?.[stream] ?? '');
}

/** @param {string} name @param {Stream} stream @param {string} content "" removes it */
export function keepDraft(name, stream, content) {
    const all = get(area.local, `${PREFIX}drafts.${name}`) ?? {}; // other tabs write it too
    if ((all[stream] ?? '') === content) return;
    if (content) all[stream] = content;
    else delete all[stream];
    put(area.local, `${PREFIX}drafts.${name}`, Object.keys(all).length ? all : null);
}

/** @param {string} name @returns {Record<Stream, Position>} up to where each stream was read */
export function marks(name) {
    return get(area.local, `${PREFIX}read.${name}`) ?? {};
}

/** @param {string} name @param {Stream} stream @param {Position} position */
export function keepMark(name, stream, position) {
    // Other tabs write it too, so read it again, and let it only rise.
    const all = marks(name);
    const old = all[stream];
    if (old && old.epoch === position.epoch && old.seq >= position.seq) return;
    put(area.local, `${PREFIX}read.${name}`, { ...all, [stream]: position });
}
