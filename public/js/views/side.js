/** The left column: rooms, conversations, who I am and whether I am connected. */
import { avatar, byId, icon, iconButton, keyed, make } from '../dom.js';
import { isPlace } from '../names.js';
import { strings } from '../strings.js';

/** @typedef {import('../store.js').Store} Store */
/** @typedef {import('../stream-view.js').StreamView} StreamView */

export class SideView {
    /** @param {Store} store @param {() => void} chosen  a place was chosen: a drawer may close */
    constructor(store, chosen) {
        this.store = store;
        this.chosen = chosen;
        this.input = /** @type {HTMLInputElement} */ (byId('join-name'));
        byId('join-form').onsubmit = (event) => this.#join(event);
        this.input.oninput = () => (byId('join-error').textContent = '');
        byId('no-conversations').textContent = strings.noConversations;
        byId('me-name').textContent = store.me;
        byId('me-avatar').replaceChildren(avatar(store.me));
    }

    /** @param {Set<import('../store.js').Topic>} topics */
    update(topics) {
        if (topics.has('connection')) this.#connection();
        if (['streams', 'active', 'mentions', 'guard', 'seen'].some((topic) => topics.has(/** @type {any} */ (topic))))
            this.#places();
    }

    stop() {
        for (const list of ['rooms', 'conversations']) byId(list).replaceChildren();
    }

    /** @param {string} code @param {string} message @param {number} [ms] */
    complain(code, message, ms) {
        byId('join-error').textContent = strings.error(code, message, ms);
    }

    #connection() {
        const { state } = this.store.connection;
        const element = byId('connection');
        element.dataset.state = this.store.degraded ? 'degraded' : state;
        document.body.dataset.connection = state;
    }

    #places() {
        const { rooms, conversations } = this.store;
        /** @param {string} id @param {StreamView[]} list */
        const fill = (id, list) =>
            keyed(
                byId(id),
                list,
                (view) => view.name,
                (view) => this.#create(view),
                (element, view) => this.#update(element, view),
            );
        fill('rooms', rooms);
        fill('conversations', conversations);
        byId('no-conversations').hidden = conversations.length > 0;
        const elsewhere = this.store.mentions.unseen > 0 || [...this.store.streams.values()].some(
            (view) => view.name !== this.store.active && view.unread,
        );
        byId('elsewhere').hidden = !elsewhere;
    }

    /** @param {StreamView} view */
    #create(view) {
        const sign = view.isPrivate
            ? avatar(view.title)
            : make('span', { class: 'hash', 'aria-hidden': 'true' }, '#');
        const button = make(
            'button',
            { type: 'button', class: 'place-button' },
            sign,
            make('bdi', { class: 'place-name' }, view.title),
            make('span', { class: 'badge', hidden: true }),
        );
        button.onclick = () => {
            this.store.show(view.name);
            this.chosen();
        };
        const item = make('li', {}, button);
        if (view.isPrivate) return item;
        const leave = iconButton('close', strings.leaveRoom(view.title), 'quiet leave');
        leave.onclick = () => this.store.leave(view.name);
        item.append(leave);
        return item;
    }

    /** @param {HTMLElement} item @param {StreamView} view */
    #update(item, view) {
        const button = /** @type {HTMLElement} */ (item.firstElementChild);
        const badge = /** @type {HTMLElement} */ (button.lastElementChild);
        const { unread } = view;
        badge.hidden = unread === 0;
        badge.textContent = unread > 99 ? '99+' : String(unread);
        badge.setAttribute('aria-label', strings.unread(unread));
        button.classList.toggle('unread', unread > 0);
        button.classList.toggle('here', view.isPrivate && this.store.seen.get(view.title) === 0);
        const hash = button.querySelector('.hash');
        const kind = view.guard?.access === 'private' ? 'lock' : view.guard?.read_only ? 'horn' : '';
        if (hash instanceof HTMLElement && (hash.dataset.kind ?? '') !== kind) {
            hash.dataset.kind = kind;
            hash.replaceChildren(kind ? icon(kind) : '#');
        }
        if (view.name === this.store.active) button.setAttribute('aria-current', 'true');
        else button.removeAttribute('aria-current');
    }

    /** @param {Event} event */
    #join(event) {
        event.preventDefault();
        const place = this.input.value.trim().replace(/^#/, '').normalize('NFC');
        if (!place) return this.input.focus();
        if (!isPlace(place)) return this.complain('bad_room', '');
        this.input.value = '';
        this.store.show(place);
        this.chosen();
    }
}
