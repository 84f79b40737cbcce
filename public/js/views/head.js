/** Above the messages: where we are, who is here, and what is wrong with the connection. */
import { announce, avatar, byId, keyed, make } from '../dom.js';
import { strings } from '../strings.js';

/** @typedef {import('../store.js').Store} Store */

const PATIENCE_MS = 1_500; // a connection that is back sooner is not worth a banner

export class HeadView {
    /** @param {Store} store @param {() => void} chosen */
    constructor(store, chosen) {
        this.store = store;
        this.chosen = chosen;
        this.lostAt = 0;
        /** @type {ReturnType<typeof setTimeout>|undefined} */
        this.timer = undefined;
        byId('banner-button').onclick = () => store.client.connection.open();
    }

    /** @param {Set<import('../store.js').Topic>} topics */
    update(topics) {
        if (['active', 'people', 'guard', 'seen'].some((topic) => topics.has(/** @type {any} */ (topic))))
            this.#people();
        if (topics.has('connection')) this.#banner();
    }

    stop() {
        clearTimeout(this.timer);
        byId('banner').hidden = true;
        byId('members').replaceChildren();
        byId('absent').replaceChildren();
    }

    #people() {
        const view = this.store.current;
        byId('place').textContent = view?.title ?? '';
        const names = view?.isPrivate ? [view.title, this.store.me] : [...(view?.members ?? [])];
        const here = strings.here(view?.count ?? 0);
        const note = view?.isPrivate ? this.#seen(view.title) || strings.privateWith : view?.guard?.topic || here;
        byId('place-note').textContent = view ? note : '';
        byId('place-note').title = view && !view.isPrivate ? here : '';
        this.#sign(view?.guard ?? null);
        byId('open-room').hidden = !view || view.isPrivate;
        byId('members-note').textContent = view && !view.members ? strings.manyPeople : '';
        keyed(
            byId('members'),
            [...new Set(names)].sort((a, b) => a.localeCompare(b)),
            (name) => name,
            (name) => this.#member(name),
            () => {},
        );
        this.#absent();
    }

    /** @param {string} name @returns {string} when somebody was here; "" when nobody knows */
    #seen(name) {
        const at = this.store.seen.get(name);
        if (at === undefined) return '';
        return at ? strings.seenAgo(Math.max(0, Date.now() + this.store.skew - at)) : strings.hereNow;
    }

    /** Who was here, and is not now. */
    #absent() {
        const { seen, current } = this.store;
        const names = (current?.absent ?? []).filter((name) => seen.has(name));
        // 0, here now, is elsewhere on this server: first.
        names.sort((a, b) => (seen.get(b) || Infinity) - (seen.get(a) || Infinity) || a.localeCompare(b));
        byId('absent-title').hidden = !names.length;
        keyed(
            byId('absent'),
            names,
            (name) => name,
            (name) => {
                const item = this.#member(name);
                item.firstElementChild?.append(make('small', { class: 'seen' }));
                return item;
            },
            (item, name) => {
                const note = /** @type {HTMLElement} */ (item.querySelector('.seen'));
                note.textContent = seen.get(name) ? this.#seen(name) : strings.elsewhere;
            },
        );
    }

    /** @param {import('../types.js').Guard|null} guard A lock or a horn before the name. */
    #sign(guard) {
        const sign = byId('place-sign');
        const kind = guard?.access === 'private' ? 'lock' : guard?.read_only ? 'horn' : '';
        // An SVG element has no property for it.
        sign.toggleAttribute('hidden', kind === '');
        if (!kind) return;
        sign.querySelector('use')?.setAttribute('href', `#i-${kind}`);
        sign.setAttribute('aria-label', kind === 'lock' ? strings.isPrivate : strings.isReadOnly);
    }

    /** @param {string} name */
    #member(name) {
        const isMe = name === this.store.me;
        const label = make('bdi', { class: 'place-name' }, name);
        if (isMe) {
            const you = make('span', { class: 'you' }, strings.you);
            return make(
                'li',
                {},
                make('span', { class: 'place-button' }, avatar(name), label, you),
            );
        }
        const title = strings.talkTo(name);
        const button = make(
            'button',
            { type: 'button', class: 'place-button', title },
            avatar(name),
            label,
        );
        button.onclick = () => {
            this.store.show(`@${name}`);
            this.chosen();
        };
        return make('li', {}, button);
    }

    #banner() {
        clearTimeout(this.timer);
        const { state } = this.store.connection;
        if (state === 'online' || state === 'idle') this.lostAt = 0;
        else this.lostAt ||= Date.now();
        const lostFor = this.lostAt ? Date.now() - this.lostAt : 0;
        const { text, button } = this.#trouble(lostFor);
        if (text && byId('banner').hidden) announce(text);
        byId('banner').hidden = text === '';
        byId('banner').dataset.kind = state === 'online' ? 'degraded' : 'offline';
        byId('banner-text').textContent = text;
        byId('banner-button').hidden = button === '';
        byId('banner-button').textContent = button;
        if (this.lostAt) this.timer = setTimeout(() => this.#banner(), 500);
    }

    /** @param {number} lostFor @returns {{text: string, button: string}} */
    #trouble(lostFor) {
        const { state, retryAt, reason } = this.store.connection;
        if (state === 'stopped')
            return { text: strings.stoppedBecause(reason), button: strings.reconnect };
        if (this.store.degraded && state !== 'waiting')
            return { text: strings.degraded, button: '' };
        if (lostFor < PATIENCE_MS) return { text: '', button: '' };
        const seconds = Math.ceil((retryAt - Date.now()) / 1000);
        if (state === 'waiting' && seconds > 0)
            return { text: strings.retryIn(seconds), button: strings.tryNow };
        return { text: strings.retryNow, button: '' };
    }
}
