/** How the connection and the server are: a line at the foot, and a small sheet behind it. */
import { byId, make } from '../dom.js';
import { strings } from '../strings.js';
import { Sheet } from './sheet.js';

/** @typedef {import('../store.js').Store} Store */

const EVERY_MS = 2_000;

export class HealthView {
    /** @param {Store} store */
    constructor(store) {
        this.store = store;
        /** @type {any} what the server says of itself; null: nothing */
        this.stats = null;
        /** @type {ReturnType<typeof setInterval>|undefined} */
        this.timer = undefined;
        this.sheet = new Sheet('health', () => clearInterval(this.timer));
        byId('open-health').onclick = () => this.#open();
    }

    /** @param {Set<import('../store.js').Topic>} topics */
    update(topics) {
        if (!topics.has('connection')) return;
        byId('connection').replaceChildren(...this.#line());
        if (this.sheet.isOpen) this.#show();
    }

    stop() {
        this.sheet.close();
        clearInterval(this.timer);
    }

    get #state() {
        return strings.states[this.store.connection.state] ?? strings.offline;
    }

    /** @returns {Node[]} the dot beside it shows the state; where there is a way, it is only said */
    #line() {
        const { connection, rtt, instance } = this.store;
        const way = connection.state === 'online' && rtt > 0;
        const state = make('span', { class: way ? 'hidden' : '' }, this.#state);
        return way ? [state, make('span', {}, `${strings.ms(rtt)} · ${instance.slice(0, 4)}`)] : [state];
    }

    #open() {
        this.sheet.open();
        this.#show();
        void this.#ask();
        clearInterval(this.timer);
        this.timer = setInterval(() => void this.#ask(), EVERY_MS);
    }

    async #ask() {
        try {
            this.stats = await (await fetch('/api/v1/stats')).json();
        } catch {
            this.stats = null;
        }
        if (this.sheet.isOpen) this.#show();
    }

    #show() {
        const { connection, rtt, instance, degraded } = this.store;
        const { stats } = this;
        const redis = stats && [
            stats.redis.state,
            strings.ms(stats.redis.lag_p50_us / 1000),
            stats.redis.warning,
        ].filter(Boolean).join(' · ');
        const is = connection.state === 'online';
        /** @type {[string, string][]} */
        const rows = [
            [strings.health.connection, degraded ? strings.degraded : this.#state],
            [strings.health.trip, is && rtt ? strings.ms(rtt) : '–'],
            [strings.health.instance, stats?.instance ?? instance],
            [strings.health.uptime, stats ? strings.span(stats.uptime_s * 1000) : '–'],
            [
                strings.health.clients,
                stats ? strings.clients(stats.clients, stats.users, stats.rooms) : '–',
            ],
            [strings.health.redis, redis || '–'],
            [strings.health.archive, stats?.archive.reason || stats?.archive.state || '–'],
        ];
        byId('health-list').replaceChildren(
            ...rows.flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)]),
        );
    }
}
