/** The rows of the message list as elements. No state: what a row looks like is its input. */
import { avatar, icon, linked, make } from '../dom.js';
import { strings } from '../strings.js';

/** @typedef {import('../types.js').Message} Message */
/** @typedef {import('../types.js').Outgoing} Outgoing */
/** @typedef {import('../run.js').Item} Item */

const GROUP_MS = 5 * 60_000; // what an author says within that stands under one name

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

/** @param {string} content */
function bubble(content) {
    return make('div', { class: 'bubble', dir: 'auto' }, ...linked(content));
}

/**
 * @param {Message} message
 * @param {boolean} isOwn
 * @param {boolean} continues under the name above it
 * @param {(user: string) => void} talk
 */
function messageRow(message, isOwn, continues, talk) {
    const { user, content, timestamp } = message;
    const iso = new Date(timestamp).toISOString();
    const time = make(
        'time',
        { datetime: iso, title: strings.dateTime(timestamp) },
        strings.time(timestamp),
    );
    const name = make('bdi', {}, user);
    const author = isOwn
        ? make('span', { class: 'author' }, name)
        : make('button', { type: 'button', class: 'author' }, name);
    if (!isOwn) {
        author.title = strings.talkTo(user);
        author.onclick = () => talk(user);
    }
    const meta = make('div', { class: 'meta' }, author, time);
    const body = make('div', { class: 'body' }, meta, bubble(content));
    const kind = `message${isOwn ? ' own' : ''}${continues ? ' continues' : ''}`;
    const row = make('li', { class: kind, 'data-id': message.id, 'data-seq': message.seq }, body);
    if (!isOwn) row.prepend(avatar(user));
    return row;
}

/**
 * The rows of one item: a day divider when a day begins, and the message or gap itself.
 * @param {Item} item
 * @param {Message|undefined} last the message before it
 * @param {string} me
 * @param {(user: string) => void} talk opens the private chat with an author
 * @param {boolean} broken something stands between the two: the author is named again
 * @returns {HTMLElement[]}
 */
export function itemRows(item, last, me, talk, broken) {
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
    const continues = !broken && !newDay && near && last.user === message.user;
    const row = messageRow(message, message.user === me, continues, talk);
    return newDay ? [dayRow(message.timestamp), row] : [row];
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
