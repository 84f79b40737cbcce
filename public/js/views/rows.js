/** The rows of the message list as elements. No state: what a row looks like is its input. */
import { avatar, icon, make } from '../dom.js';
import { strings } from '../strings.js';
import { bubble } from './bubble.js';

/** @typedef {import('../types.js').Shown} Shown */
/** @typedef {import('../run.js').MessageItem} MessageItem */
/** @typedef {import('../types.js').Outgoing} Outgoing */
/** @typedef {import('../run.js').Item} Item */

const MINUTE_MS = 60_000; // what an author says within one of the clock stands under one name
const CHIPS_MOST = 8;

/**
 * @typedef {import('../stream-view.js').Tick} Tick
 *
 * @typedef {object} RowContext  what all rows of a place share
 * @property {string} me
 * @property {(message: Shown) => Tick|null} tick  who has a message of one's own; null: nobody says
 * @property {(user: string) => void} talk  opens the private chat with an author
 * @property {(item: MessageItem) => void} act  shows what may be done with a message
 * @property {(item: MessageItem, emoji: string) => void} react
 */

/** @param {number} ms @returns {number} when that day began */
function day(ms) {
    return new Date(ms).setHours(0, 0, 0, 0);
}

/** @param {number} ms @returns {string} what stands above the first message of a day */
function dayName(ms) {
    const now = new Date();
    const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
    if (day(ms) === day(now.getTime())) return strings.today;
    return day(ms) === yesterday.getTime() ? strings.yesterday : strings.date(ms);
}

/** @param {string} kind @param {...(Node|string)} text */
function divider(kind, ...text) {
    return make('li', { class: `divider ${kind}` }, make('span', {}, ...text));
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

/** @param {HTMLElement} mark @param {Tick|null} tick */
export function showTick(mark, tick) {
    const text = !tick ? '' : tick.of ? strings.ticksOf(tick) : strings.ticks[tick.state];
    if (mark.title === text) return;
    mark.dataset.state = tick?.state ?? '';
    mark.title = text;
    const isPart = tick && tick.state === 'stored' && tick.got > 0;
    const sign = !tick ? '' : tick.state !== 'stored' ? '✓✓' : isPart ? `✓ ${tick.got}/${tick.of}` : '✓';
    mark.classList.toggle('part', Boolean(isPart));
    mark.replaceChildren(
        make('span', { 'aria-hidden': 'true' }, sign),
        make('span', { class: 'hidden' }, text),
    );
}

/** @param {Shown} message @param {boolean} isOwn @param {RowContext} context small signs beside it */
function footOf(message, isOwn, { tick }) {
    const foot = make('span', { class: 'foot' });
    if (message.edited) foot.append(make('span', { class: 'edited' }, strings.edited));
    if (isOwn && !message.deleted) {
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
 * What the rows of an item depend on besides its message.
 * @typedef {object} Frame
 * @property {string} day        name of the day that begins with it, else ""
 * @property {boolean} continues under the author's name above it
 * @property {boolean} isNew     the first one that was not read
 */

/**
 * @param {Item} item @param {Item|undefined} before @param {boolean} isNew
 * @param {Item|undefined} last  the message before it, whatever stands between them
 * @returns {Frame}
 */
export function frameOf(item, before, last, isNew) {
    if (item.kind !== 'message') return { day: '', continues: false, isNew };
    const { user, timestamp } = item.message;
    const above = last?.kind === 'message' ? last.message : undefined;
    const isSameDay = above !== undefined && day(above.timestamp) === day(timestamp);
    const isSameMinute =
        above && Math.floor(above.timestamp / MINUTE_MS) === Math.floor(timestamp / MINUTE_MS);
    const isSameAuthor = above?.user === user && above.kind !== 'room';
    const continues = isSameDay && isSameMinute && isSameAuthor && before === last && !isNew;
    return { day: isSameDay ? '' : dayName(timestamp), continues: Boolean(continues), isNew };
}

/**
 * The rows of one item: its dividers, and the message or gap itself.
 * @param {Item} item @param {Frame} frame @param {RowContext} context
 * @returns {HTMLElement[]}
 */
export function itemRows(item, { day, continues, isNew }, context) {
    const rows = [];
    if (day) rows.push(divider('day', day));
    if (isNew) rows.push(divider('new', strings.newMessages));
    if (item.kind === 'gap') rows.push(divider('gap', icon('warn'), strings.gap(item.missed)));
    else if (item.kind === 'missing')
        rows.push(divider('gap', icon('warn'), strings.missing(item.count)));
    else if (item.message.kind === 'room') rows.push(actRow(item.message));
    else rows.push(messageRow(item, continues, context));
    return rows;
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
