/** What a press on a message's content does: a quote leads to its message, a picture comes near. */
import { byId, make } from '../dom.js';
import { strings } from '../strings.js';
import { Sheet } from './sheet.js';

/** @typedef {import('../store.js').Store} Store */

const ADDRESS = /^#([^/]+)\/(\d{1,15})$/;

/** @param {string} hash @returns {{stream: string, seq: number}|null} the message it is the address of */
export function addressed(hash) {
    try {
        const [, stream, seq] = ADDRESS.exec(decodeURIComponent(hash).normalize('NFC')) ?? [];
        return stream ? { stream, seq: Number(seq) } : null;
    } catch {
        return null;
    }
}

export class ReadingView {
    /** @param {Store} store @param {(text: string) => void} toast */
    constructor(store, toast) {
        this.store = store;
        this.toast = toast;
        this.sheet = new Sheet('lightbox', () => byId('lightbox-picture').replaceChildren());
        byId('messages').onclick = (event) => this.#pressed(event);
    }

    /** @param {Set<import('../store.js').Topic>} topics */
    update(topics) {
        if (topics.has('active')) this.sheet.close();
    }

    stop() {
        this.sheet.close();
    }

    /** @param {string} stream @param {number} seq */
    async go(stream, seq) {
        try {
            await this.store.showAt(stream, seq);
        } catch (error) {
            const { code, message } = /** @type {import('../asks.js').Unanswered} */ (error);
            this.toast(strings.error(code, message));
        }
    }

    /** @param {MouseEvent} event */
    #pressed(event) {
        const isPlain = !event.ctrlKey && !event.metaKey && !event.shiftKey;
        const element = /** @type {Element} */ (event.target);
        const link = /** @type {HTMLAnchorElement|null} */ (
            element.closest('a.to-message, a.picture')
        );
        if (!link || !isPlain) return;
        event.preventDefault();
        if (link.classList.contains('picture')) return this.#near(link);
        const place = addressed(link.hash);
        const { current } = this.store;
        if (!place || !current) return;
        // A conversation has another name for each of the two.
        const isHere = current.isPrivate && place.stream.startsWith('@');
        void this.go(isHere ? current.name : place.stream, place.seq);
    }

    /** @param {HTMLAnchorElement} link */
    #near({ href, title }) {
        byId('lightbox-title').textContent = title;
        const download = /** @type {HTMLAnchorElement} */ (byId('lightbox-download'));
        download.href = href;
        download.download = title;
        byId('lightbox-picture').replaceChildren(make('img', { src: href, alt: title }));
        this.sheet.open();
    }
}
