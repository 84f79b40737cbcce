/**
 * One login of an account: its tokens, its devices. It knows nothing of a page, so it runs in a
 * browser and in node. docs/CLIENT.md says how to use it.
 *
 * Kept is only the refresh token, which changes with each use; all tabs of a browser share it.
 * They use it one after the other where there are locks (secure contexts). Where there are none,
 * two tabs that use the same one get the same successor (PROTOCOL.md), and who comes late keeps
 * what the other has kept. The access token stays in memory.
 */
import { Emitter } from './emitter.js';

const ANSWER_MS = 30_000;
const EARLY_MS = 10_000; // a token that ends so soon counts as ended …
const EARLY_PART = 0.1; // … or one with less than this part of its life left
const ROTATIONS = 3; // attempts, when other tabs change the refresh token meanwhile
const LOCK = 'confab.account';

/**
 * @typedef {object} Login  what is kept
 * @property {string} name
 * @property {string} device
 * @property {string} refresh  '': signed out by the server; the device is named at the next login
 *
 * @typedef {object} Device
 * @property {string} id
 * @property {string} label
 * @property {number} created  milliseconds since 1970
 * @property {number} seen
 * @property {boolean} current
 * @property {boolean} online
 *
 * @typedef {object} Tokens  what the server answers
 * @property {string} name
 * @property {string} device
 * @property {string} access_token
 * @property {number} expires_in_s
 * @property {string} refresh_token
 *
 * @typedef {{request: <T>(name: string, run: () => Promise<T>) => Promise<T>}} Locks
 *
 * @typedef {object} AccountOptions
 * @property {string} api      as https://chat.example.org/api/v1/
 * @property {{read: () => Login|null, write: (login: Login|null) => void}} [kept]
 * @property {Locks|null} [locks]  null: none
 * @property {typeof fetch} [fetch]
 *
 * @typedef {{changed: string, lost: {name: string}}} AccountEvents
 *   changed: another tab logged in or out, the name or "". lost: the server signed this device out.
 */

/** What the server refused; without an answer the code is "offline". */
export class AccountError extends Error {
    /** @param {{code: string, message?: string, temporary?: boolean, retry_after_ms?: number}} error */
    constructor({ code, message = code, temporary = false, retry_after_ms = 0 }) {
        super(message);
        this.code = code;
        this.temporary = temporary;
        this.retryAfterMs = retry_after_ms;
    }
}

/** @extends {Emitter<AccountEvents>} */
export class Account extends Emitter {
    /** @param {AccountOptions} options */
    constructor({ api, kept, locks, fetch: fetcher }) {
        super();
        this.api = api;
        /** @type {Login|null} */
        let memory = null;
        this.kept = kept ?? { read: () => memory, write: (login) => (memory = login) };
        this.locks = locks === undefined ? (globalThis.navigator?.locks ?? null) : locks;
        this.fetch = fetcher ?? ((input, init) => fetch(input, init));
        this.access = { name: '', token: '', until: 0 };
        /** @type {Promise<string>|null} */
        this.refreshing = null;
        this.name = this.#read().name;
    }

    /** @returns {Promise<'off'|'optional'|'required'>} which users the server takes */
    async mode() {
        const { accounts } = await this.#ask('GET', 'server');
        return accounts;
    }

    /**
     * @param {string} name @param {string} password
     * @param {{session?: string, label?: string}} [details] session: of the guest who has the
     *   name and wants to keep it
     */
    async register(name, password, details = {}) {
        this.#entered(await this.#ask('POST', 'users', { name, password, ...details }));
    }

    /** @param {string} name @param {string} password @param {{label?: string}} [details] */
    async login(name, password, details = {}) {
        const old = this.kept.read();
        const device = old?.name === name && old.device ? { device: old.device } : {};
        this.#entered(await this.#ask('POST', 'login', { name, password, ...device, ...details }));
    }

    /**
     * The access token, a fresh one where the latest has ended.
     * @param {string} [stale] the token that the server refused or that ends soon
     * @returns {Promise<string>} rejects with AccountError; unless `temporary`, the login is lost
     */
    token(stale = '') {
        const { name, token, until } = this.access;
        if (token && token !== stale && name === this.name && Date.now() < until)
            return Promise.resolve(token);
        return this.refresh();
    }

    /** @returns {Promise<string>} a new access token */
    refresh() {
        const rotate = () => this.#rotate();
        this.refreshing ??= (this.locks ? this.locks.request(LOCK, rotate) : rotate()).finally(
            () => (this.refreshing = null),
        );
        return this.refreshing;
    }

    /** Forgets the login, whatever the server says. @param {{all?: boolean}} [options] */
    async logout({ all = false } = {}) {
        const { refresh } = this.#read();
        this.forget();
        if (refresh) await this.#ask('POST', 'logout', { refresh_token: refresh, all });
    }

    /** @returns {Promise<Device[]>} the one seen last comes first */
    async devices() {
        return (await this.#askAsUser('GET', 'devices')).devices;
    }

    /** @param {string} id Signs that device out. */
    async revoke(id) {
        await this.#askAsUser('DELETE', `devices/${encodeURIComponent(id)}`);
    }

    /**
     * Changes the password; all other devices are signed out.
     * @param {string} old @param {string} password the new one
     */
    async changePassword(old, password) {
        const path = `users/${encodeURIComponent(this.name)}/password`;
        await this.#askAsUser('POST', path, { old, new: password });
    }

    /** Deletes the account. @param {string} password */
    async unregister(password) {
        const path = `users/${encodeURIComponent(this.name)}/delete`;
        await this.#askAsUser('POST', path, { password });
        this.forget();
    }

    /** @param {string} code of an invitation @returns {Promise<string>} the room it leads to */
    async accept(code) {
        return (await this.#askAsUser('POST', 'invitations', { code })).room;
    }

    /** Another tab may have changed what is kept; call it at the `storage` event. */
    reread() {
        const { name } = this.#read();
        if (name === this.name) return;
        this.name = name;
        this.emit('changed', name);
    }

    forget() {
        this.kept.write(null);
        this.access = { name: '', token: '', until: 0 };
        this.name = '';
    }

    /** @returns {Login} of somebody who is logged in, else one of nobody */
    #read() {
        const login = this.kept.read();
        return login?.refresh ? login : { name: '', device: '', refresh: '' };
    }

    /** @param {Tokens} tokens */
    #entered(tokens) {
        this.#keep(tokens);
        this.#take(tokens);
        this.name = tokens.name;
    }

    /** @param {Tokens} tokens */
    #keep({ name, device, refresh_token: refresh }) {
        this.kept.write({ name, device, refresh });
    }

    /** @param {Tokens} tokens */
    #take({ name, access_token: token, expires_in_s }) {
        const life = 1000 * expires_in_s;
        const until = Date.now() + life - Math.min(EARLY_MS, EARLY_PART * life);
        this.access = { name, token, until };
    }

    async #rotate() {
        for (let left = ROTATIONS; left > 0; left--) {
            const { name, refresh } = this.#read();
            if (!refresh || name !== this.name) throw this.#lost();
            const tokens = await this.#exchange(refresh);
            const now = this.#read();
            if (tokens && now.refresh === refresh) this.#keep(tokens);
            // Else another tab was faster, and what it has kept is as new as this, or newer.
            if (tokens && now.name === name) {
                this.#take(tokens);
                return tokens.access_token;
            }
            if (!tokens && now.refresh === refresh) throw this.#lost();
        }
        throw new AccountError({ code: 'busy', temporary: true });
    }

    /** @param {string} refresh @returns {Promise<Tokens|null>} null: it is not valid any more */
    async #exchange(refresh) {
        try {
            return await this.#ask('POST', 'token', { refresh_token: refresh });
        } catch (error) {
            if (error instanceof AccountError && error.code === 'bad_token') return null;
            throw error;
        }
    }

    #lost() {
        const { name } = this;
        const login = this.kept.read();
        if (name && login?.name === name) this.kept.write({ ...login, refresh: '' });
        this.access = { name: '', token: '', until: 0 };
        this.name = this.#read().name;
        if (name) this.emit('lost', { name });
        return new AccountError({ code: 'bad_token' });
    }

    /** @param {string} method @param {string} path @param {object} [body] */
    async #askAsUser(method, path, body) {
        const token = await this.token();
        try {
            return await this.#ask(method, path, body, token);
        } catch (error) {
            const code = error instanceof AccountError ? error.code : '';
            if (!['bad_token', 'token_expired'].includes(code)) throw error;
            return this.#ask(method, path, body, await this.token(token));
        }
    }

    /**
     * @param {string} method @param {string} path @param {object} [body] @param {string} [token]
     * @returns {Promise<any>} null when there is no content
     */
    async #ask(method, path, body, token) {
        const headers = {
            ...(body && { 'Content-Type': 'application/json' }),
            ...(token && { Authorization: `Bearer ${token}` }),
        };
        let status, answer;
        try {
            const response = await this.fetch(new URL(path, this.api).href, {
                method,
                headers,
                body: body && JSON.stringify(body),
                cache: 'no-store',
                credentials: 'omit',
                signal: AbortSignal.timeout(ANSWER_MS),
            });
            ({ status } = response);
            answer = status === 204 ? null : await response.json();
        } catch {
            throw new AccountError({ code: 'offline', temporary: true }); // or not our server
        }
        if (status < 400) return answer;
        const { code = 'offline', temporary = status >= 500, ...rest } = answer ?? {};
        throw new AccountError({ ...rest, code: String(code), temporary });
    }
}
