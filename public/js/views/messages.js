/**
 * The message list. It stays at the newest message while the user is there, and never moves
 * under the eyes of one who reads further up: then a button says what came meanwhile. Which rows
 * are there decides window.js; what they look like, rows.js.
 */
import { announce, byId } from '../dom.js';
import { isMark, isSaid } from '../events.js';
import { strings } from '../strings.js';
import { frameOf, itemRows, pendingRow, showTick } from './rows.js';
import { RowWindow } from './window.js';

/** @typedef {import('../store.js').Store} Store */
/** @typedef {import('../stream-view.js').StreamView} StreamView */
/** @typedef {import('../run.js').Item} Item */
/** @typedef {import('../run.js').MessageItem} MessageItem */
/** @typedef {import('./rows.js').RowContext} RowContext */
/** @typedef {import('./window.js').Place} Place */
/** @typedef {import('../types.js').Batch} Batch */

const NEAR_END_PX = 80;
const LOAD_FROM_PX = 1_200; // of the top: the page is there before one arrives
const NEW_PX = 16; // between the upper edge and the line above what is new
const ANNOUNCED_CHARS = 200;
/** @type {import('../store.js').Topic[]} */
const PENDING_TOPICS = ['active', 'outbox', 'messages', 'connection'];

export class MessagesView {
    /**
     * @param {Store} store @param {(text: string) => void} toast
     * @param {Pick<RowContext, 'act'|'react'>} actions
     */
    constructor(store, toast, actions) {
        this.store = store;
        this.toast = toast;
        this.actions = actions;
        this.scroller = byId('scroller');
        this.list = byId('messages');
        this.pending = byId('pending');
        this.jump = byId('jump');
        this.shown = '';
        this.stuck = true; // at the end, and staying there
        this.lastTop = 0; // scrollTop when we last looked
        this.newSince = 0; // what came while the user was further up
        /** @type {Item|undefined} the first unread item when the place was opened */
        this.firstNew = undefined;
        this.marked = false; // firstNew has been looked for
        this.rows = new RowWindow(
            this.scroller,
            this.list,
            (items, index) => this.#look(items, index),
            (items, index) => this.#draw(items, index),
        );
        this.frame = 0; // when rows are brought up to date; 0: they are
        this.sizes = ''; // of the list and what is around it, when we last looked
        this.roving = ''; // id of the message whose button Tab reaches
        /** @type {ReturnType<typeof setTimeout>|undefined} */
        this.typingTimer = undefined;
        this.scroller.onscroll = () => this.#scrolled();
        this.jump.onclick = () => this.toEnd();
        this.list.onkeydown = (event) => this.#key(event);
        this.onVisible = () => this.#seen();
        document.addEventListener('visibilitychange', this.onVisible);
        this.observer = new ResizeObserver(() => this.#resized());
        for (const part of [this.scroller, this.list, this.pending]) this.observer.observe(part);
        this.offs = [
            store.on('batch', ({ batch, changed }) => this.#batch(batch, changed)),
            store.on('page', ({ stream }) => this.#page(stream)),
            store.on('found', ({ stream, id }) => this.#found(stream, id)),
        ];
    }

    stop() {
        for (const off of this.offs) off();
        this.observer.disconnect();
        document.removeEventListener('visibilitychange', this.onVisible);
        clearTimeout(this.typingTimer);
        cancelAnimationFrame(this.frame);
        this.rows.clear();
        this.pending.replaceChildren();
    }

    /** @param {Set<import('../store.js').Topic>} topics */
    update(topics) {
        if (topics.has('active') && this.shown !== this.store.active) this.#open();
        if (PENDING_TOPICS.some((topic) => topics.has(topic))) this.#pending();
        if (topics.has('active') || topics.has('typing')) this.#typing();
        if (topics.has('marks') || topics.has('people')) this.#ticks();
    }

    toEnd() {
        this.store.leavePast();
        this.stuck = true;
        this.#show();
        this.#seen();
    }

    #open() {
        this.shown = this.store.active;
        this.firstNew = undefined;
        this.marked = false;
        this.stuck = true;
        this.newSince = 0;
        this.roving = '';
        this.store.leavePast();
        this.rows.clear();
        this.#show();
        if (!this.store.current?.ready) return; // its history comes as a batch
        this.#fill();
        this.#seen();
    }

    /** @param {Batch} batch @param {MessageItem[]} changed */
    #batch(batch, changed) {
        if (batch.stream !== this.shown || batch.stream !== this.store.active) return;
        const view = this.store.current;
        if (
            !view ||
            (this.marked && !batch.messages.length && !batch.gap && batch.kind !== 'fresh')
        )
            return;
        if (batch.kind !== 'live' || !this.marked) this.#show();
        else {
            if (!this.store.looking) this.#markNew(view);
            this.#showSoon();
        }
        // Nor may the text that was read out last stand there any longer.
        if (changed.some(({ message }) => message.deleted)) announce(strings.deleted);
        if (batch.kind === 'live') this.#announce(batch);
        const said = batch.messages.filter(isSaid);
        if (batch.kind === 'resumed' && said.length)
            this.toast(strings.caughtUp(said.length, batch.gap?.missed ?? 0));
        if (!this.stuck) this.newSince += said.filter(({ user }) => user !== view.me).length;
        if (batch.kind === 'fresh') this.#fill();
        this.#seen();
    }

    /** @param {string} stream A page is on its way, or here. */
    #page(stream) {
        if (stream !== this.shown || stream !== this.store.active) return;
        this.#show();
        this.#fill();
        this.#seen();
    }

    /** What does not fill the view cannot be scrolled. */
    #fill() {
        if (this.scroller.scrollTop < LOAD_FROM_PX) void this.store.loadOlder();
    }

    /** @param {string} stream @param {string} id A search or an address leads here. */
    #found(stream, id) {
        if (stream !== this.shown) return;
        this.stuck = false;
        this.#show({ key: id, top: this.scroller.clientHeight / 3 });
        this.rows.row(id)?.classList.add('found');
        this.stuck = !this.store.current?.past && this.#isNear(NEAR_END_PX);
        this.#reachable(id);
        this.scroller.focus({ preventScroll: true });
        this.#fill();
        this.#seen();
    }

    /** Many messages may come before the next frame. */
    #showSoon() {
        this.frame ||= requestAnimationFrame(() => this.#show());
    }

    /** @param {Place|null} [place] What is to be where; else what the user reads stays there. */
    #show(place = this.stuck ? null : this.rows.held()) {
        cancelAnimationFrame(this.frame);
        this.frame = 0;
        const view = this.store.current;
        this.scroller.setAttribute('aria-busy', String(Boolean(view && !view.ready)));
        byId('empty').textContent = this.#emptyText(view);
        this.#older(view);
        if (!view?.ready) return this.rows.clear();
        const isFirst = !this.marked;
        if (isFirst || !this.store.looking) this.#markNew(view);
        this.marked = true;
        this.rows.show(view.shown.items, place);
        if (isFirst) this.#toNew();
        this.#moved();
    }

    /** The first thing to see are messages that are new, from the first one on. */
    #toNew() {
        if (this.firstNew?.kind !== 'message') return;
        const key = this.firstNew.given.id;
        const line = this.rows.row(key)?.previousElementSibling;
        if (line && this.#top(line) >= 0) return;
        this.rows.show(this.rows.items, { key, top: NEW_PX }); // the line is there from now on
        const row = this.rows.row(key);
        const above = row?.previousElementSibling;
        if (row && above)
            this.rows.show(this.rows.items, { key, top: NEW_PX + this.#top(row) - this.#top(above) });
        this.stuck = this.#isNear(NEAR_END_PX);
    }

    /** We have moved the list, not the user. */
    #moved() {
        this.lastTop = this.scroller.scrollTop;
        this.sizes = this.#sizes();
        this.#rove();
    }

    /** @returns {string} */
    #sizes() {
        const { clientWidth, clientHeight } = this.scroller;
        return [clientWidth, clientHeight, this.list.offsetHeight, this.pending.offsetHeight].join();
    }

    /** The window, a picture or a row has another size now; not: other rows are there. */
    #resized() {
        if (this.#sizes() === this.sizes) return;
        if (this.frame) return this.#show();
        this.rows.settle();
        if (this.stuck) this.scroller.scrollTop = this.scroller.scrollHeight;
        this.#moved();
        this.#showSoon();
    }

    /** @param {Element} element @returns {number} pixels below the upper edge of the view */
    #top(element) {
        return element.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
    }

    /** @param {StreamView|undefined} view The line above the first message, there before it is needed. */
    #older(view) {
        const { older = null, loading = false, retryAt = 0 } = view?.ready ? view.shown : {};
        const failed = !loading && retryAt > Date.now();
        byId('older').hidden = !older;
        byId('older').textContent = failed ? strings.olderFailed : strings.olderLoading;
    }

    /** Of all buttons beside messages one can be reached by Tab; arrow keys lead to the others. */
    #rove() {
        const isThere = this.rows.row(this.roving)?.querySelector('.more-acts');
        const button = isThere ?? this.#buttons().at(-1);
        for (const other of this.list.querySelectorAll('.more-acts[tabindex="0"]'))
            if (other !== button) other.setAttribute('tabindex', '-1');
        button?.setAttribute('tabindex', '0');
    }

    /** @param {string} id of a message */
    #reachable(id) {
        this.roving = id;
        this.#rove();
    }

    /** @returns {HTMLElement[]} */
    #buttons() {
        return [...this.list.querySelectorAll('.more-acts')].map((e) => /** @type {any} */ (e));
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
        const step = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
        const from = /** @type {HTMLElement|null} */ (document.activeElement);
        const row = from?.closest('.message');
        if (!step || !from?.matches('.more-acts, .chip') || !row) return;
        const isAcross = event.key === 'ArrowLeft' || event.key === 'ArrowRight';
        const own = row.querySelector('.more-acts');
        const list = isAcross ? [...row.querySelectorAll('.more-acts, .chip')] : this.#buttons();
        const at = list.indexOf(isAcross || !own ? from : /** @type {HTMLElement} */ (own));
        const next = /** @type {HTMLElement|undefined} */ (list[at + step]);
        event.preventDefault();
        if (!next) return;
        if (!isAcross) this.#reachable(rowOf(next).dataset.id ?? '');
        next.focus();
        next.closest('.message')?.scrollIntoView({ block: 'nearest' });
    }

    /** @param {StreamView|undefined} view */
    #emptyText(view) {
        if (!view) return strings.nowhere;
        if (view.shown.items.length) return '';
        if (!view.ready) return strings.loading;
        return view.isPrivate ? strings.emptyPrivate(view.title) : strings.emptyRoom;
    }

    /** @param {StreamView} view */
    #markNew(view) {
        if (this.firstNew && view.isUnread(this.firstNew)) return;
        this.firstNew = view.items.find((item) => view.isUnread(item));
    }

    /** @param {Item[]} items @param {number} index */
    #frame(items, index) {
        const item = items[index];
        const before = items[index - 1];
        const last = before && before.kind !== 'message' ? items[index - 2] : before;
        return frameOf(item, before, last, item === this.firstNew);
    }

    /** @param {Item[]} items @param {number} index @returns {unknown[]} see RowWindow */
    #look(items, index) {
        const item = items[index];
        const { day, continues, isNew } = this.#frame(items, index);
        return [item.kind === 'message' && item.message, day, continues, isNew];
    }

    /** @param {Item[]} items @param {number} index */
    #draw(items, index) {
        const view = /** @type {StreamView} */ (this.store.current);
        return itemRows(items[index], this.#frame(items, index), this.#context(view));
    }

    #pending() {
        const entries = this.store.client.outbox.of(this.shown);
        const { outbox } = this.store.client;
        const rows = entries.map((entry) =>
            pendingRow(
                entry,
                this.store.degraded !== '',
                (cid) => outbox.retry(cid),
                (cid) => outbox.discard(cid),
            ),
        );
        if (rows.length || this.pending.hasChildNodes()) this.pending.replaceChildren(...rows);
    }

    /** @param {StreamView} view @returns {RowContext} */
    #context(view) {
        return {
            me: view.me,
            tick: ({ seq }) => this.store.tick(view, seq),
            talk: (user) => this.store.show(`@${user}`),
            ...this.actions,
        };
    }

    #ticks() {
        const view = this.store.current;
        if (!view || view.name !== this.shown) return;
        for (const element of this.list.querySelectorAll('.ticks')) {
            const mark = /** @type {HTMLElement} */ (element);
            const row = /** @type {HTMLElement} */ (mark.closest('.message'));
            showTick(mark, this.store.tick(view, Number(row.dataset.seq)));
        }
    }

    #typing() {
        clearTimeout(this.typingTimer);
        const { names, next } = this.store.current?.whoTypes() ?? { names: [], next: 0 };
        byId('typing').textContent = strings.typing(names);
        if (next) this.typingTimer = setTimeout(() => this.#typing(), next - Date.now() + 20);
    }

    /** @param {Batch} batch To screen readers: what others say now, not what is loaded. */
    #announce(batch) {
        const lines = batch.messages.filter(
            (message) => message.user !== this.store.me && !isMark(message),
        );
        if (!lines.length) return;
        const text = lines.map(({ user, content, kind }) => {
            const said = content.slice(0, ANNOUNCED_CHARS);
            return kind === 'room' ? said : strings.announce(user, said);
        });
        announce(text.join('\n'));
    }

    /** @param {number} px @returns {boolean} is less than that below? */
    #isNear(px) {
        const { scrollHeight, scrollTop, clientHeight } = this.scroller;
        return scrollHeight - scrollTop - clientHeight < px;
    }

    #scrolled() {
        this.#resized(); // a keyboard moves the list, too, and the observer speaks later
        const { scrollTop } = this.scroller;
        // More may have come since: only who moves up wants to be away from the end.
        const past = Boolean(this.store.current?.past);
        if (this.#isNear(NEAR_END_PX)) this.stuck = !past;
        else if (scrollTop < this.lastTop) this.stuck = false;
        if (this.frame) this.#show();
        this.rows.scrolled();
        this.#moved();
        if (past && this.#isNear(LOAD_FROM_PX)) void this.store.loadNewer();
        this.#fill();
        this.#seen();
    }

    /** Are the newest messages in sight? The button and the read mark depend on it. */
    #seen() {
        if (this.stuck) this.newSince = 0;
        this.jump.hidden = this.stuck;
        byId('jump-text').textContent = strings.jump(this.newSince);
        this.store.look(this.stuck && document.visibilityState === 'visible');
    }
}

/** @param {Element} part @returns {HTMLElement} */
function rowOf(part) {
    return /** @type {HTMLElement} */ (part.closest('.message'));
}
