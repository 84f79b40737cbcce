/** How others get here: the address of this server in the local network, as text and QR code. */
import { byId, make } from '../dom.js';
import { strings } from '../strings.js';
import { Sheet } from './sheet.js';

const LOCAL = /^(localhost|127\.[\d.]+|\[::1\])$/;

/**
 * The addresses to offer, best first: the one that this page has, unless only this machine knows it.
 * @param {{urls: string[], mdns: string|null}} told  by the server
 * @param {URL} here
 */
export function offered({ urls, mdns }, here) {
    const all = mdns ? [...urls, mdns] : urls;
    if (LOCAL.test(here.hostname)) return all;
    const mine = all.find((url) => new URL(url).host === here.host) ?? `${here.origin}/`;
    return [mine, ...all.filter((url) => url !== mine)];
}

export class ReachSheet {
    /** @param {import('../store.js').Store} store */
    constructor(store) {
        this.store = store;
        this.sheet = new Sheet('reach');
        this.address = /** @type {HTMLInputElement} */ (byId('reach-url'));
        /** @type {string[]} */
        this.urls = [];
        byId('open-reach').onclick = () => this.#open();
        byId('reach-copy').onclick = () => this.#copy();
        this.address.onfocus = () => this.address.select();
    }

    update() {}

    stop() {
        this.sheet.close();
    }

    async #open() {
        this.#show([], strings.loading);
        this.sheet.open();
        try {
            const told = await (await fetch('/api/v1/addresses')).json();
            const urls = offered(told, new URL(location.href));
            this.#show(urls, urls.length ? strings.reachHow : strings.reachNobody);
        } catch {
            this.#show([], strings.error('unavailable'));
        }
    }

    /** @param {string[]} urls the first one large @param {string} note */
    #show(urls, note) {
        const { active } = this.store;
        const room = active && !active.startsWith('@') ? `#${encodeURIComponent(active)}` : '';
        const [first, ...others] = urls;
        byId('reach-note').textContent = note;
        byId('reach-done').textContent = '';
        byId('reach-main').hidden = !first;
        byId('reach-more').hidden = !others.length;
        this.address.value = first ? first + room : '';
        const picture = /** @type {HTMLImageElement} */ (byId('reach-qr'));
        if (first) picture.src = `/api/v1/qr.svg?url=${encodeURIComponent(first + room)}`;
        byId('reach-others').replaceChildren(
            ...others.map((url) => {
                const button = make('button', { type: 'button', class: 'choice', dir: 'ltr' }, url);
                button.onclick = () => {
                    this.#show([url, ...urls.filter((one) => one !== url)], note);
                    this.address.focus();
                };
                return make('li', {}, button);
            }),
        );
    }

    /** Without a clipboard, as over plain HTTP, the text in the field can be copied all the same. */
    async #copy() {
        this.address.select();
        try {
            if (navigator.clipboard) await navigator.clipboard.writeText(this.address.value);
            else if (!document.execCommand('copy')) throw new Error('no clipboard');
            byId('reach-done').textContent = strings.copied;
        } catch {
            byId('reach-done').textContent = strings.copyByHand;
        }
    }
}
