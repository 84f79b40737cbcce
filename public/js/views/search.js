/** Search: a field, where to look, and what was found; a tap leads to the message. */
import { byId, keyed, make } from '../dom.js';
import { streamOf } from '../stream.js';
import { strings } from '../strings.js';

/** @typedef {import('../store.js').Store} Store */
/** @typedef {import('../types.js').Found} Found */

export class SearchView {
    /** @param {Store} store @param {(text: string) => void} toast @param {() => void} chosen */
    constructor(store, toast, chosen) {
        this.store = store;
        this.toast = toast;
        this.chosen = chosen;
        this.panel = byId('search');
        /** @type {HTMLInputElement} */
        this.text = byId('search-text');
        /** @type {HTMLInputElement} */
        this.everywhere = byId('search-everywhere');
        /** @type {Found[]} */
        this.found = [];
        this.cursor = '';
        this.turn = 0; // an answer to an earlier question is not shown
        byId('open-search').onclick = () => this.#open();
        byId('close-search').onclick = () => this.#close();
        byId('search-form').onsubmit = (event) => {
            event.preventDefault();
            void this.#search(false);
        };
        for (const id of ['search-here', 'search-everywhere'])
            byId(id).onchange = () => void this.#search(false);
        byId('more-results').onclick = () => void this.#search(true);
        this.panel.onkeydown = (event) => {
            if (event.key === 'Escape') this.#close();
        };
    }

    /** @param {Set<import('../store.js').Topic>} topics */
    update(topics) {
        if (topics.has('connection')) byId('open-search').hidden = !this.store.archive;
        if (topics.has('active')) this.#hide();
    }

    stop() {
        this.#hide();
        this.#clear('');
        this.text.value = '';
        byId('open-search').hidden = true;
    }

    #open() {
        const here = strings.searchHere(this.store.current?.title ?? '');
        byId('search-here-label').textContent = here;
        this.#inert(true);
        this.panel.hidden = false;
        this.text.focus();
        this.text.select();
    }

    #close() {
        if (this.panel.hidden) return;
        this.#hide();
        byId('open-search').focus();
    }

    #hide() {
        this.panel.hidden = true;
        this.#inert(false);
    }

    /** @param {boolean} inert What the panel lies over cannot be reached meanwhile. */
    #inert(inert) {
        for (const part of this.panel.parentElement?.children ?? [])
            if (part !== this.panel) part.toggleAttribute('inert', inert);
    }

    /** @param {string} note */
    #clear(note) {
        this.found = [];
        this.cursor = '';
        this.turn++;
        this.#show(note, false);
    }

    /** @param {boolean} more */
    async #search(more) {
        const q = this.text.value.trim();
        if (!q) return;
        if (more) this.#show(strings.searching, false);
        else this.#clear(strings.searching);
        const turn = ++this.turn;
        const stream = this.everywhere.checked ? undefined : this.store.active;
        const query = { q, stream, ...(more ? { cursor: this.cursor } : {}) };
        try {
            const answer = await this.store.client.search(query);
            if (turn === this.turn) this.#take(answer);
        } catch (error) {
            const { code, message } = /** @type {import('../asks.js').Unanswered} */ (error);
            if (turn === this.turn) this.#show(strings.error(code, message), more);
        }
    }

    /** @param {import('../types.js').Frame} answer */
    #take({ results = [], cursor = '', partial = false, behind = 0 }) {
        this.found.push(...results);
        this.cursor = cursor;
        const notes = [strings.results(this.found.length, cursor !== '')];
        if (partial && !cursor) notes.push(strings.resultsPartial);
        if (behind) notes.push(strings.resultsBehind(behind));
        this.#show(notes.join(' '), cursor !== '');
    }

    /** @param {string} note @param {boolean} more */
    #show(note, more) {
        byId('search-note').textContent = note;
        byId('more-results').hidden = !more;
        keyed(
            byId('results'),
            this.found,
            ({ epoch, message }) => `${epoch} ${message.id}`,
            (found) => this.#row(found),
            () => {},
        );
    }

    /** @param {Found} found */
    #row(found) {
        const { message, parts } = found;
        const stream = streamOf(found);
        const where = stream.startsWith('@') ? stream : `#${stream}`;
        // Every second part is what was found; all of them are text.
        const text = parts.map((part, i) => (i % 2 ? make('mark', {}, part) : part));
        const button = make(
            'button',
            { type: 'button', class: 'result' },
            make(
                'span',
                { class: 'result-head' },
                make('bdi', { class: 'author' }, message.user),
                make('bdi', { class: 'result-where' }, where),
                make('time', {}, strings.dateTime(message.timestamp)),
            ),
            make('span', { class: 'result-text', dir: 'auto' }, ...text),
        );
        button.onclick = () => void this.#choose(found);
        return make('li', {}, button);
    }

    /** @param {Found} found */
    async #choose(found) {
        this.#hide();
        this.chosen();
        try {
            await this.store.showMessage(streamOf(found), found.epoch, found.message);
        } catch {
            this.toast(strings.cannotShow);
        }
    }
}
