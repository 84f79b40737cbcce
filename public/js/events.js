/**
 * What events do: messages of kind `edit`, `delete` and `react` change another message, those of
 * kind `room` are lines of their own and change what may be done in a room. Pure functions; the
 * same events in any order, however often, give the same result.
 */

/** @typedef {import('./types.js').Message} Message */
/** @typedef {import('./types.js').Shown} Shown */
/** @typedef {import('./types.js').Guard} Guard */

const MARKS = ['edit', 'delete', 'react'];

/** @param {{kind?: string, target_id?: string}} message @returns {boolean} does it change another one, and is no row itself? */
export function isMark({ kind = '', target_id = '' }) {
    return MARKS.includes(kind) && target_id !== '';
}

/** @param {{kind?: string}} message @returns {boolean} did somebody say it? */
export function isSaid({ kind = '' }) {
    return kind !== 'room' && !MARKS.includes(kind);
}

/**
 * A message as it is after events about it.
 * @param {Message} message as the server gave it
 * @param {Message[]} events about it, in any order
 * @param {number} [asOf] reactions of events up to this number stand in `message` already, when
 *   it has any
 * @returns {Shown}
 */
export function present(message, events, asOf = 0) {
    let { content, edited = 0 } = message;
    let deleted = Number(message.deleted ?? 0); // true: of somebody who was forgotten
    for (const { kind, seq, content: text } of events) {
        if (kind === 'delete') deleted = Math.max(deleted, seq);
        if (kind !== 'edit' || seq <= edited || text === '') continue; // '': a later one replaced it
        edited = seq;
        content = text;
    }
    const known = message.reactions ? asOf : 0;
    const later = events.filter(({ kind, seq }) => kind === 'react' && seq > known);
    const reactions = deleted ? new Map() : reacted(message.reactions ?? {}, later);
    const shown = deleted ? { content: '', edited: 0, mentions: [] } : { content, edited };
    return { ...message, ...shown, deleted, reactions };
}

/**
 * @param {Record<string, string[]>} before @param {Message[]} events
 * @returns {Map<string, string[]>} who reacted, by emoji; the first one first
 */
function reacted(before, events) {
    const found = new Map(Object.entries(before).map(([emoji, users]) => [emoji, new Set(users)]));
    for (const { emoji = '', user, remove } of [...events].sort((a, b) => a.seq - b.seq)) {
        const users = found.get(emoji) ?? new Set();
        if (remove) users.delete(user);
        else users.add(user);
        found.set(emoji, users);
    }
    return new Map(
        [...found].filter(([, users]) => users.size).map(([emoji, users]) => [emoji, [...users]]),
    );
}

/** @type {Guard} of a room that nobody owns */
const ORDINARY = {
    access: 'public',
    read_only: false,
    slow_ms: 0,
    role: 'none',
    topic: '',
    muted_until: 0,
};

/**
 * What may be done in a room after an act.
 * @param {Guard|null} guard null: nobody owns it
 * @param {Message} event of kind `room` @param {string} me
 * @returns {Guard|null}
 */
export function guardAfter(guard, event, me) {
    const { act, who, user, until = 0, seconds = 0, on = false } = event;
    const { topic, access, read_only, role = 'none' } = event;
    const isMe = who === me;
    const next = { ...(guard ?? ORDINARY) };
    switch (act) {
        case 'destroy':
            return null;
        case 'create':
            if ((who ?? user) === me) next.role = 'owner';
            return { ...next, topic: topic ?? '', access: access ?? 'public', read_only: !!read_only };
        case 'topic':
            return { ...next, topic: topic ?? '' };
        case 'access':
            return { ...next, access: access ?? 'public' };
        case 'read_only':
            return { ...next, read_only: on };
        case 'slow':
            return { ...next, slow_ms: 1000 * seconds };
        case 'role':
            if (isMe) return { ...next, role };
            // Who gives the room away stays as a moderator.
            return role === 'owner' && next.role === 'owner' ? { ...next, role: 'moderator' } : next;
        case 'mute':
            return isMe ? { ...next, muted_until: until || Infinity } : next;
        case 'unmute':
            return isMe ? { ...next, muted_until: 0 } : next;
    }
    return next;
}

/**
 * What `joined` says of a room; what it leaves out is as it was.
 * @param {Guard|null} before
 * @param {{muted_until?: number} & Partial<Guard>|undefined} told
 * @returns {Guard|null}
 */
export function guardTold(before, told) {
    if (!told) return null;
    const { role, topic, access = 'public', slow_ms = 0, read_only = false } = told;
    const kept = before ?? ORDINARY;
    // Only who has joined by oneself is told the role, and then a mute, too.
    const muted = told.muted_until === 0 ? Infinity : (told.muted_until ?? 0);
    return {
        access,
        slow_ms,
        read_only,
        role: role ?? kept.role,
        topic: topic ?? kept.topic,
        muted_until: role === undefined ? kept.muted_until : muted,
    };
}

/** @param {{role: string}|null} guard @returns {boolean} */
export function moderates(guard) {
    return guard?.role === 'owner' || guard?.role === 'moderator';
}

/**
 * Why one may not write in a room now.
 * @param {Guard|null} guard @param {number} now milliseconds since 1970
 * @returns {{code: ''|'read_only'|'muted', until: number}} until: 0 when it does not end by itself
 */
export function refusal(guard, now) {
    if (!guard || moderates(guard)) return { code: '', until: 0 };
    if (guard.muted_until > now) {
        const isForEver = guard.muted_until === Infinity;
        return { code: 'muted', until: isForEver ? 0 : guard.muted_until };
    }
    return { code: guard.read_only ? 'read_only' : '', until: 0 };
}
