/**
 * Files on their way to the server, one after the other. One that loses its connection waits for
 * the next one and begins anew; what the server refuses waits for its user.
 */
import { Emitter } from './emitter.js';

/** @typedef {import('./confab-client.js').ConfabClient} ConfabClient */
/** @typedef {import('./markup.js').Attached} Attached */

/**
 * @typedef {object} Upload
 * @property {File|null} file   null: it was uploaded before
 * @property {string} name
 * @property {string} preview   address of a picture, or ""
 * @property {'waiting'|'sending'|'done'|'failed'} state
 * @property {number} part      of it that is sent, 0 to 1
 * @property {string} code      why it failed
 * @property {string} message
 * @property {Attached|null} done
 * @property {boolean} [gone]   nobody wants it any more
 */

const RETRY_MS = 2_000;
const TICKET_EARLY_S = 20;
const STALE = ['bad_token', 'token_expired'];

/** @extends {Emitter<{change: Upload}>} */
export class Uploads extends Emitter {
    /** @param {ConfabClient} client @param {string} [api] */
    constructor(client, api = '/api/v1/files') {
        super();
        this.client = client;
        this.api = api;
        /** @type {Upload[]} */
        this.waiting = [];
        /** @type {Upload|null} */
        this.current = null;
        /** @type {XMLHttpRequest|null} */
        this.request = null;
        this.ticket = { value: '', until: 0 };
        /** @type {ReturnType<typeof setTimeout>|undefined} */
        this.timer = undefined;
        this.off = client.on('state', ({ state }) => {
            if (state === 'online') void this.#next();
        });
    }

    stop() {
        this.off();
        clearTimeout(this.timer);
        this.waiting = [];
        this.request?.abort();
    }

    /** @param {File} file @returns {Upload} */
    add(file) {
        const isShown = /^image\/(?:jpeg|png|gif|webp|avif)$/.test(file.type);
        const most = this.client.limits?.files?.max_bytes ?? Infinity;
        /** @type {Upload} */
        const upload = {
            file,
            name: file.name || 'file',
            preview: isShown ? URL.createObjectURL(file) : '',
            state: 'waiting',
            part: 0,
            code: '',
            message: '',
            done: null,
        };
        if (file.size > most) this.#fail(upload, 'too_big');
        else if (!file.size) this.#fail(upload, 'file_empty');
        else this.retry(upload);
        return upload;
    }

    /** @param {Attached} done @returns {Upload} of one that is there already */
    known(done) {
        const { name } = done;
        const preview = done.width ? done.url : '';
        return { file: null, name, preview, state: 'done', part: 1, code: '', message: '', done };
    }

    /** @param {Upload} upload */
    retry(upload) {
        Object.assign(upload, { state: 'waiting', part: 0, code: '', message: '' });
        this.waiting.push(upload);
        this.emit('change', upload);
        void this.#next();
    }

    /** @param {Upload} upload It is not wanted any more; what the server has of it goes. */
    discard(upload) {
        upload.gone = true;
        this.waiting = this.waiting.filter((other) => other !== upload);
        this.release(upload);
        if (upload === this.current) this.request?.abort();
        else if (upload.file && upload.done) void this.#remove(upload.done);
    }

    /** @param {Upload} upload Its picture is not shown any more. */
    release({ file, preview }) {
        if (file && preview) URL.revokeObjectURL(preview);
    }

    async #next() {
        clearTimeout(this.timer);
        if (this.current || !this.waiting.length || !this.client.online) return;
        const upload = /** @type {Upload} */ (this.waiting.shift());
        this.current = upload;
        upload.state = 'sending';
        this.emit('change', upload);
        try {
            upload.done = await this.#send(upload, await this.#pass());
            upload.state = 'done';
            if (upload.gone) void this.#remove(upload.done);
        } catch (error) {
            this.#problem(upload, /** @type {any} */ (error));
        }
        this.current = null;
        this.emit('change', upload);
        if (this.waiting[0] !== upload) void this.#next();
    }

    /** @param {Upload} upload @param {{code?: string, message?: string, again?: boolean}} error */
    #problem(upload, { code = 'offline', message = '', again = false }) {
        if (upload.gone) return;
        if (STALE.includes(code) && this.ticket.value) {
            this.ticket.value = ''; // once more with another one
            again = true;
        }
        if (!again && code !== 'offline') return this.#fail(upload, code, message);
        Object.assign(upload, { state: 'waiting', part: 0 });
        this.waiting.unshift(upload);
        this.timer = setTimeout(() => this.#next(), RETRY_MS);
    }

    /** @param {Upload} upload @param {string} code @param {string} [message] */
    #fail(upload, code, message = '') {
        Object.assign(upload, { state: 'failed', code, message });
    }

    /** @returns {Promise<string>} what lets one upload */
    async #pass() {
        const { value, until } = this.ticket;
        if (value && Date.now() < until) return value;
        const { ticket = '', expires_in_s = 0 } = await this.client.asks.ask({ type: 'ticket' });
        const life = 1000 * (expires_in_s - TICKET_EARLY_S);
        this.ticket = { value: ticket, until: Date.now() + life };
        return ticket;
    }

    /** @param {Upload} upload @param {string} pass @returns {Promise<Attached>} */
    #send(upload, pass) {
        const file = /** @type {File} */ (upload.file);
        const request = new XMLHttpRequest(); // fetch tells no progress
        this.request = request;
        request.open('POST', `${this.api}?name=${encodeURIComponent(upload.name)}`);
        request.setRequestHeader('Authorization', `Bearer ${pass}`);
        request.setRequestHeader('Content-Type', file.type || 'application/octet-stream');
        request.responseType = 'json';
        request.upload.onprogress = ({ loaded, total }) => {
            upload.part = total ? loaded / total : 0;
            this.emit('change', upload);
        };
        return new Promise((resolve, reject) => {
            request.onload = () => {
                const { response, status } = request;
                if (status >= 300) return reject({ code: 'unavailable', ...response });
                const { name, media_type: type, size, width = 0, height = 0, url } = response;
                resolve({ url, name, type, size, width, height });
            };
            request.onerror = request.onabort = () => reject({ code: 'offline' });
            request.send(file);
        });
    }

    /** @param {Attached} done */
    async #remove({ url }) {
        try {
            const id = url.split('/')[2];
            const headers = { Authorization: `Bearer ${await this.#pass()}` };
            await fetch(`${this.api}/${id}`, { method: 'DELETE', headers });
        } catch {} // it ends by itself
    }
}
