/**
 * The message list. It stays at the newest message while the user is there, and never moves
 * under the eyes of one who reads further up: then a button says what came meanwhile.
 */
import { announce, byId } from '../dom.js';
import { isMark, isSaid } from '../events.js';
import { strings } from '../strings.js';
import { itemRows, newRow, pendingRow, showTick } from './rows.js';

/** @typedef {import('../store.js').Store} Store */
/** @typedef {import('../stream-view.js').StreamView} StreamView */
/** @typedef {import('../run.js').Item} Item */
/** @typedef {import('../run.js').MessageItem} MessageItem */
/** @typedef {import('./rows.js').RowContext} RowContext */
/** @typedef {import('./rows.js').Tick} Tick */
/** @typedef {import('../types.js').Batch} Batch */

const NEAR_END_PX = 80;
const LOAD_FROM_PX = 400; // of the top
const ROWS_MOST = 1000; // then the list is built anew from what the store kept
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
        /** @type {Item|undefined} whose rows stand first, and these */
        this.firstItem = undefined;
        /** @type {HTMLElement[]} */
        this.firstRows = [];
        /** @type {ReturnType<typeof setTimeout>|undefined} */
        this.typingTimer = undefined;
        this.scroller.onscroll = () => this.#scrolled();
        this.jump.onclick = () => this.toEnd();
        this.list.onkeydown = (event) => this.#key(event);
        this.onVisible = () => this.#look();
        document.addEventListener('visibilitychange', this.onVisible);
        this.observer = new ResizeObserver(() => this.stuck && this.#scrollToEnd());
        for (const part of [this.scroller, this.list, this.pending]) this.observer.observe(part);
        this.offs = [
            store.on('batch', ({ batch, added, changed }) => this.#batch(batch, added, changed)),
            store.on('page', ({ stream, way }) => this.#page(stream, way)),
            store.on('found', ({ stream, id }) => this.#found(stream, id)),
        ];
    }

    stop() {
        for (const off of this.offs) off();
        this.observer.disconnect();
        document.removeEventListener('visibilitychange', this.onVisible);
        clearTimeout(this.typingTimer);
        this.list.replaceChildren();
        this.pending.replaceChildren();
    }

    /** @param {Set<import('../store.js').Topic>} topics */
    update(topics) {
        if (topics.has('active') && this.shown !== this.store.active) this.#open();
        if (PENDING_TOPICS.some((topic) => topics.has(topic))) this.#pending();
        if (topics.has('active') || topics.has('typing')) this.#typing();
        if (topics.has('marks')) this.#ticks();
    }

    toEnd() {
        if (this.store.current?.past) {
            this.store.leavePast();
            this.#rebuild();
        }
        this.stuck = true;
        this.#scrollToEnd();
        this.#look();
    }

    #open() {
        this.shown = this.store.active;
        this.firstNew = undefined;
        this.marked = false;
        this.stuck = true;
        this.store.leavePast();
        this.#rebuild();
        const divider = this.list.querySelector('.new');
        this.#scrollToEnd();
        if (divider && this.#top(divider) < 0) {
            this.scroller.scrollTop += this.#top(divider) - 16;
            this.stuck = this.#isNearEnd();
        }
        this.newSince = 0;
        this.#fill();
        this.#look();
    }

    /** @param {Element} element @returns {number} pixels below the upper edge of the view */
    #top(element) {
        return element.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
    }

    /** @param {Batch} batch @param {number} added @param {MessageItem[]} changed */
    #batch(batch, added, changed) {
        if (batch.stream !== this.shown || batch.stream !== this.store.active) return;
        const view = this.store.current;
        if (
            !view ||
            (this.marked && !batch.messages.length && !batch.gap && batch.kind !== 'fresh')
        )
            return;
        if (batch.kind !== 'live' && !view.past) this.#replace();
        else if (batch.kind === 'live' && !this.marked) this.#replace();
        else {
            this.#redraw(view, changed);
            // What is new is seen when one comes back from an earlier place.
            if (!view.past) this.#append(view, added);
        }
        if (batch.kind === 'live') this.#announce(batch);
        const said = batch.messages.filter(isSaid);
        if (batch.kind === 'resumed' && said.length)
            this.toast(strings.caughtUp(said.length, batch.gap?.missed ?? 0));
        if (!this.stuck) this.newSince += said.filter(({ user }) => user !== view.me).length;
        if (batch.kind === 'fresh') this.#fill();
        this.#look();
    }

    /** @param {StreamView} view @param {MessageItem[]} changed Rows that events have changed. */
    #redraw(view, changed) {
        if (!changed.length) return;
        const { items } = view.shown;
        this.#keepPlace(() => {
            for (const item of changed) {
                const old = this.#row(item.given.id);
                const row = old && this.#rowsOf(view, items.indexOf(item)).pop();
                if (!old || !row) continue;
                const focused = focusIn(old);
                old.replaceWith(row);
                if (focused) /** @type {HTMLElement|null} */ (row.querySelector(focused))?.focus();
            }
            this.#rove();
        });
        // Nor may the text that was read out last stand there any longer.
        if (changed.some(({ message }) => message.deleted)) announce(strings.deleted);
    }

    /** @param {string} id @returns {HTMLElement|undefined} */
    #row(id) {
        return /** @type {HTMLElement[]} */ ([...this.list.children]).find(
            (child) => child.dataset.id === id,
        );
    }

    /** @param {() => void} change What the user reads stays where it is. */
    #keepPlace(change) {
        const rows = /** @type {HTMLElement[]} */ ([...this.list.children]);
        const first = rows.find((row) => row.dataset.id && this.#top(row) >= 0);
        const [id, top] = [first?.dataset.id ?? '', first ? this.#top(first) : 0];
        const { scrollTop } = this.scroller;
        change();
        const now = this.#row(id);
        if (this.stuck) this.#scrollToEnd();
        else if (now) this.scroller.scrollTop += this.#top(now) - top;
        else this.scroller.scrollTop = scrollTop;
        this.lastTop = this.scroller.scrollTop;
    }

    /** @param {StreamView} view @param {number} added */
    #append(view, added) {
        if (this.stuck && this.list.childElementCount > ROWS_MOST) {
            this.#rebuild();
            this.#scrollToEnd();
            return;
        }
        if (!this.store.looking) this.#markNew(view);
        const first = view.items.length - added;
        for (let i = Math.max(0, first); i < view.items.length; i++) {
            const rows = this.#rowsOf(view, i);
            this.list.append(...rows);
            if (i === 0) [this.firstItem, this.firstRows] = [view.items[0], rows];
        }
        byId('empty').textContent = this.#emptyText(view);
        this.#rove();
        // The observer scrolls: once per frame, however many messages it brought.
    }

    /** Everything anew, and what the user reads stays where it is. */
    #replace() {
        this.#keepPlace(() => this.#rebuild());
    }

    /** @param {string} stream @param {'older'|'newer'} way A page is on its way, or here. */
    #page(stream, way) {
        const view = this.store.current;
        if (!view || stream !== this.shown || stream !== this.store.active) return;
        const { scrollHeight, scrollTop } = this.scroller;
        const above = way === 'older' && this.#prepend(view);
        if (!above) this.#replace();
        this.#older(view);
        if (above && !this.stuck)
            this.scroller.scrollTop = scrollTop + this.scroller.scrollHeight - scrollHeight;
        if (this.stuck) this.#scrollToEnd();
        this.lastTop = this.scroller.scrollTop;
        this.#fill();
        this.#look();
    }

    /** @param {StreamView} view @returns {boolean} whether what came before stands above now */
    #prepend(view) {
        const { items } = view.shown;
        const known = this.firstItem ? items.indexOf(this.firstItem) : -1;
        if (known <= 0) return known === 0;
        for (const row of this.firstRows) row.remove(); // its day may stand above it now
        const rows = [];
        for (let i = 0; i <= known; i++) rows.push(this.#rowsOf(view, i));
        this.list.prepend(...rows.flat());
        [this.firstItem, this.firstRows] = [items[0], rows[0]];
        this.#cutEnd(items[items.length - 1]);
        return true;
    }

    /** @param {Item} last Rows behind it were let go of. */
    #cutEnd(last) {
        const row = last.kind === 'message' ? this.#row(last.given.id) : undefined;
        while (row?.nextElementSibling) row.nextElementSibling.remove();
        this.#rove();
    }

    /** @param {StreamView} view The line above the first message, there before it is needed. */
    #older(view) {
        const { older, loading, retryAt } = view.shown;
        const failed = !loading && retryAt > Date.now();
        byId('older').hidden = !older;
        byId('older').textContent = failed ? strings.olderFailed : strings.olderLoading;
    }

    /** What does not fill the view cannot be scrolled. */
    #fill() {
        if (this.scroller.scrollTop < LOAD_FROM_PX) void this.store.loadOlder();
    }

    /** @param {string} stream @param {string} id A search leads here. */
    #found(stream, id) {
        if (stream !== this.shown) return;
        this.stuck = false;
        this.#rebuild();
        const row = this.#row(id);
        if (!row) return;
        row.classList.add('found');
        this.scroller.scrollTop += this.#top(row) - this.scroller.clientHeight / 3;
        this.lastTop = this.scroller.scrollTop;
        this.stuck = !this.store.current?.past && this.#isNearEnd();
        this.scroller.focus({ preventScroll: true });
        this.#fill();
        this.#look();
    }

    #rebuild() {
        this.list.replaceChildren();
        const view = this.store.current;
        this.scroller.setAttribute('aria-busy', String(Boolean(view && !view.ready)));
        byId('empty').textContent = this.#emptyText(view);
        byId('older').hidden = true;
        this.firstItem = undefined;
        this.firstRows = [];
        if (!view?.ready) return;
        if (!this.marked || !this.store.looking) this.#markNew(view);
        this.marked = true;
        const { items } = view.shown;
        const rows = items.map((_, i) => this.#rowsOf(view, i));
        this.list.append(...rows.flat());
        [this.firstItem, this.firstRows] = [items[0], rows[0] ?? []];
        this.#older(view);
        this.#rove();
    }

    /** Of all buttons beside messages one can be reached by Tab; arrow keys lead to the others. */
    #rove() {
        const buttons = this.#buttons();
        this.#reachable(buttons[buttons.length - 1]);
    }

    /** @param {HTMLElement|undefined} button */
    #reachable(button) {
        for (const other of this.list.querySelectorAll('.more-acts[tabindex="0"]'))
            other.setAttribute('tabindex', '-1');
        if (button) button.tabIndex = 0;
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
        if (!isAcross) this.#reachable(next);
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
        this.list.querySelector('.new')?.remove();
        this.firstNew = view.items.find((item) => view.isUnread(item));
    }

    /** @param {StreamView} view @param {number} index @returns {HTMLElement[]} */
    #rowsOf(view, index) {
        const { items } = view.shown;
        const item = items[index];
        const isNew = item === this.firstNew;
        const gap = index > 0 && items[index - 1].kind !== 'message';
        const before = items[gap ? index - 2 : index - 1];
        const last = before?.kind === 'message' ? before.message : undefined;
        const rows = itemRows(item, last, this.#context(view), isNew || gap);
        if (isNew) rows.splice(-1, 0, newRow());
        return rows;
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
            isPrivate: view.isPrivate,
            tick: ({ seq }) => view.tick(seq),
            talk: (user) => this.store.show(`@${user}`),
            ...this.actions,
        };
    }

    #ticks() {
        const view = this.store.current;
        if (!view?.isPrivate || view.name !== this.shown) return;
        for (const element of this.list.querySelectorAll('.ticks')) {
            const mark = /** @type {HTMLElement} */ (element);
            const row = /** @type {HTMLElement} */ (mark.closest('.message'));
            showTick(mark, view.tick(Number(row.dataset.seq)));
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

    #isNearEnd() {
        return this.#isNear(NEAR_END_PX);
    }

    /** @param {number} px @returns {boolean} is less than that below? */
    #isNear(px) {
        const { scrollHeight, scrollTop, clientHeight } = this.scroller;
        return scrollHeight - scrollTop - clientHeight < px;
    }

    #scrollToEnd() {
        this.scroller.scrollTop = this.scroller.scrollHeight;
        this.lastTop = this.scroller.scrollTop;
    }

    #scrolled() {
        const { scrollTop } = this.scroller;
        // More may have come since: only who moves up wants to be away from the end.
        const past = Boolean(this.store.current?.past);
        if (this.#isNearEnd()) this.stuck = !past;
        else if (scrollTop < this.lastTop) this.stuck = false;
        this.lastTop = scrollTop;
        if (past && this.#isNear(LOAD_FROM_PX)) void this.store.loadNewer();
        this.#fill();
        this.#look();
    }

    /** Are the newest messages in sight? The button and the read mark depend on it. */
    #look() {
        if (this.stuck) this.newSince = 0;
        this.jump.hidden = this.stuck;
        byId('jump-text').textContent = strings.jump(this.newSince);
        this.store.look(this.stuck && document.visibilityState === 'visible');
    }
}

/** @param {Element} row @returns {string} where the focus is in it, as a selector; "": elsewhere */
function focusIn(row) {
    const focused = document.activeElement;
    if (!focused || !row.contains(focused)) return '';
    const { emoji } = /** @type {HTMLElement} */ (focused).dataset;
    return emoji ? `.chip[data-emoji="${CSS.escape(emoji)}"], .more-acts` : '.more-acts';
}
