/** The rows of the message list as elements. No state: what a row looks like is its input. */
import { avatar, icon, linked, make } from '../dom.js';
import { strings } from '../strings.js';

/** @typedef {import('../types.js').Shown} Shown */
/** @typedef {import('../run.js').MessageItem} MessageItem */
/** @typedef {import('../types.js').Outgoing} Outgoing */
/** @typedef {import('../run.js').Item} Item */

const GROUP_MS = 5 * 60_000; // what an author says within that stands under one name
const CHIPS_MOST = 8;

/**
 * @typedef {'stored'|'delivered'|'read'} Tick
 *
 * @typedef {object} RowContext  what all rows of a place share
 * @property {string} me
 * @property {boolean} isPrivate
 * @property {(message: Shown) => Tick} tick  of one's own message in a private conversation
 * @property {(user: string) => void} talk  opens the private chat with an author
 * @property {(item: MessageItem) => void} act  shows what may be done with a message
 * @property {(item: MessageItem, emoji: string) => void} react
 */

/** @param {number} ms */
function day(ms) {
    return new Date(ms).toDateString();
}

/** @param {number} ms @returns {HTMLElement} */
function dayRow(ms) {
    const now = new Date();
    const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
    let text = strings.date(ms);
    if (day(ms) === now.toDateString()) text = strings.today;
    else if (day(ms) === yesterday.toDateString()) text = strings.yesterday;
    return make('li', { class: 'divider day' }, make('span', {}, text));
}

/** @returns {HTMLElement} */
export function newRow() {
    return make('li', { class: 'divider new' }, make('span', {}, strings.newMessages));
}

/** @param {string} content @param {string} [me] whose name is marked in it */
function bubble(content, me) {
    return make('div', { class: 'bubble', dir: 'auto' }, ...linked(content, me));
}

/** @param {Shown} message @param {boolean} isOwn @param {RowContext} context */
function metaOf({ user, timestamp }, isOwn, { talk }) {
    const iso = new Date(timestamp).toISOString();
    const title = strings.dateTime(timestamp);
    const time = make('time', { datetime: iso, title }, strings.time(timestamp));
    const name = make('bdi', {}, user);
    const author = isOwn
        ? make('span', { class: 'author' }, name)
        : make('button', { type: 'button', class: 'author' }, name);
    if (!isOwn) {
        author.title = strings.talkTo(user);
        author.onclick = () => talk(user);
    }
    return make('div', { class: 'meta' }, author, time);
}

/** @param {HTMLElement} mark @param {Tick} state */
export function showTick(mark, state) {
    if (mark.dataset.state === state) return;
    mark.dataset.state = state;
    mark.replaceChildren(
        make('span', { 'aria-hidden': 'true' }, state === 'stored' ? '✓' : '✓✓'),
        make('span', { class: 'hidden' }, strings.ticks[state]),
    );
    mark.title = strings.ticks[state];
}

/** @param {Shown} message @param {boolean} isOwn @param {RowContext} context small signs beside it */
function footOf(message, isOwn, { isPrivate, tick }) {
    const foot = make('span', { class: 'foot' });
    if (message.edited) foot.append(make('span', { class: 'edited' }, strings.edited));
    if (isOwn && isPrivate && !message.deleted) {
        const mark = make('span', { class: 'ticks' });
        showTick(mark, tick(message));
        foot.append(mark);
    }
    return foot;
}

/** @param {MessageItem} item @param {RowContext} context */
function chipsOf(item, { me, react, act }) {
    const { reactions } = item.message;
    const chips = [...reactions].slice(0, CHIPS_MOST).map(([emoji, users]) => {
        const names = users.join(', ');
        const chip = make(
            'button',
            {
                type: 'button',
                class: 'chip',
                tabindex: '-1', // arrow keys lead there
                'data-emoji': emoji,
                'aria-pressed': String(users.includes(me)),
                'aria-label': strings.reaction(emoji, users.length, names),
                title: names,
            },
            make('span', { class: 'emoji' }, emoji),
            make('span', { class: 'chip-count' }, String(users.length)),
        );
        chip.onclick = () => react(item, emoji);
        return chip;
    });
    if (reactions.size > CHIPS_MOST) {
        const text = `+${reactions.size - CHIPS_MOST}`;
        const label = strings.moreReactions(reactions.size - CHIPS_MOST);
        const rest = make(
            'button',
            { type: 'button', class: 'chip', tabindex: '-1', 'aria-label': label },
            text,
        );
        rest.onclick = () => act(item);
        chips.push(rest);
    }
    return chips.length ? [make('div', { class: 'chips' }, ...chips)] : [];
}

/**
 * @param {MessageItem} item
 * @param {boolean} continues under the name above it
 * @param {RowContext} context
 */
function messageRow(item, continues, context) {
    const { message } = item;
    const { user, content, deleted, id, seq } = message;
    const isOwn = user === context.me;
    const isMentioned = !isOwn && (message.mentions ?? []).includes(context.me);
    const text = deleted
        ? make('div', { class: 'bubble gone' }, strings.deleted)
        : bubble(content, isMentioned ? context.me : '');
    const line = make('div', { class: 'line' }, text, footOf(message, isOwn, context));
    if (!deleted) {
        const more = make('button', {
            type: 'button',
            class: 'more-acts',
            tabindex: '-1',
            'aria-haspopup': 'dialog',
            'aria-label': strings.actionsOf(user),
            title: strings.actions,
        });
        more.append(icon('more'));
        more.onclick = () => context.act(item);
        line.append(more);
    }
    const body = make(
        'div',
        { class: 'body' },
        metaOf(message, isOwn, context),
        line,
        ...chipsOf(item, context),
    );
    const kind = ['message', isOwn && 'own', continues && 'continues', isMentioned && 'mentioned'];
    const row = make(
        'li',
        { class: kind.filter(Boolean).join(' '), 'data-id': id, 'data-seq': seq },
        body,
    );
    if (!isOwn) row.prepend(avatar(user));
    return row;
}

/**
 * The rows of one item: a day divider when a day begins, and the message or gap itself.
 * @param {Item} item
 * @param {Shown|undefined} last the message before it
 * @param {RowContext} context
 * @param {boolean} broken something stands between the two: the author is named again
 * @returns {HTMLElement[]}
 */
export function itemRows(item, last, context, broken) {
    if (item.kind === 'gap') {
        const text = make('span', {}, icon('warn'), strings.gap(item.missed));
        return [make('li', { class: 'divider gap' }, text)];
    }
    if (item.kind === 'missing') {
        const text = make('span', {}, icon('warn'), strings.missing(item.count));
        return [make('li', { class: 'divider gap' }, text)];
    }
    const { message } = item;
    const newDay = !last || day(last.timestamp) !== day(message.timestamp);
    const near = last !== undefined && message.timestamp - last.timestamp < GROUP_MS;
    const sameAuthor = last?.user === message.user && last.kind !== 'room';
    const continues = !broken && !newDay && near && sameAuthor;
    const row =
        message.kind === 'room' ? actRow(message) : messageRow(item, continues, context);
    return newDay ? [dayRow(message.timestamp), row] : [row];
}

/** @param {Shown} message of kind `room` */
function actRow({ id, seq, content, timestamp }) {
    const title = strings.dateTime(timestamp);
    const text = make('span', { title, dir: 'auto' }, content);
    return make('li', { class: 'room-act', 'data-id': id, 'data-seq': seq }, text);
}

/**
 * A message that is not in the stream yet.
 * @param {Outgoing} entry
 * @param {boolean} isHeldUp nothing gets through at the moment
 * @param {(cid: string) => void} retry
 * @param {(cid: string) => void} discard
 */
export function pendingRow(entry, isHeldUp, retry, discard) {
    const failed = entry.state === 'failed';
    const waits = entry.state === 'waiting' || (entry.state === 'sent' && isHeldUp);
    const note = make('div', { class: 'note' });
    if (failed) {
        const again = make('button', { type: 'button', class: 'link' }, strings.retry);
        const away = make('button', { type: 'button', class: 'link' }, strings.discard);
        again.onclick = () => retry(entry.cid);
        away.onclick = () => discard(entry.cid);
        note.append(make('span', {}, icon('warn'), strings.failed(entry.error)), again, away);
    } else {
        note.append(waits ? strings.waiting : strings.pending);
    }
    const row = make('li', {
        class: 'message own continues pending',
        'data-cid': entry.cid,
        'data-state': waits ? 'waiting' : entry.state,
    });
    row.append(make('div', { class: 'body' }, bubble(entry.content), note));
    return row;
}
