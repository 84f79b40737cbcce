/** Every text of the page that is not in index.html. */

/** @param {number} n @param {string} one @param {string} many */
const plural = (n, one, many) => `${n} ${n === 1 ? one : many}`;

/** @type {Record<string, string>} sentences for the server's error codes */
const ERRORS = {
    name_taken: 'Somebody else uses this name. Choose another one.',
    bad_name: 'A name has letters, digits, “_”, “-” or “.”, and no spaces.',
    bad_room: 'A room name has letters, digits, “_”, “-” or “.”, and no spaces.',
    bad_content: 'This message is empty or too long.',
    too_many_rooms: 'You are in too many rooms. Leave one first.',
    store_failed: 'The server could not store it. Its operator finds the reason in the log.',
    uncertain: 'Nobody knows whether this arrived. Look before you send it again.',
    bad_query: 'Search for 1 to 16 words.',
    bad_cursor: 'This does not go on. Search again.',
    search_off: 'The archive of this server has no index of words.',
    archive_off: 'This server keeps no archive to search in.',
    archive_unavailable: 'The archive does not answer. Try again in a moment.',
    busy: 'The server has too much to do. Try again in a moment.',
    offline: 'There is no connection. Try again in a moment.',
    not_joined: 'You are not in this room any more.',
    accounts_off: 'This server has no accounts any more. Enter as a guest.',
    login_required: 'This server takes no guests. Log in, or make an account.',
    bad_login: 'The name or the password is wrong.',
    login_limited: 'Too many attempts. Try again in some minutes.',
    bad_password: 'A password has 8 to 1024 bytes; 8 letters are enough.',
    bad_token: 'This device was signed out. Log in again.',
    token_expired: 'This login has ended. Log in again.',
    not_found: 'That is not there any more.',
    wrong_user: 'This login belongs to another name.',
    not_allowed: 'You may not do this here.',
    account_needed: 'Only accounts may do this. Log in, or make an account.',
    private_room: 'This room is private. Ask for an invitation.',
    read_only: 'Only the owner and moderators write here.',
    muted: 'You are muted here.',
    banned: 'You are banned from this room.',
    slow_mode: 'This room is in slow mode. Wait a moment.',
    rate_limited: 'You are faster than allowed. Wait a moment.',
    too_old: 'This message is too old to be changed.',
    bad_invitation: 'This invitation is wrong, used up or has ended.',
    room_exists: 'This room has an owner already.',
    last_owner: 'A room needs an owner: give it to somebody else first.',
    full: 'There is no place left: take something off the list first.',
    bad_field: 'The server does not take this.',
    unknown_type: 'This server cannot do that.',
    admin_off: 'This server has no administrator.',
    bad_admin_token: 'This is not the token of the administrator.',
    invited: 'You are invited to a room: log in, or make an account.',
    unavailable: 'The server is in trouble. Try again in a moment.',
};

/** @type {[number, string, string][]} */
const UNITS = [
    [86_400_000, 'day', 'days'],
    [3_600_000, 'hour', 'hours'],
    [60_000, 'minute', 'minutes'],
    [1_000, 'second', 'seconds'],
];

/** @param {number} ms @returns {string} in the largest unit of which there are at least two, or one */
function span(ms) {
    for (const [unit, one, many] of UNITS)
        if (ms >= (unit === 1_000 ? 0 : 2 * unit) || ms === unit)
            return plural(Math.max(1, Math.ceil(ms / unit)), one, many);
    return '';
}

/** Codes that end by themselves. @type {Record<string, (time: string) => string>} */
const ENDING = {
    muted: (time) => `You are muted here for ${time}.`,
    banned: (time) => `You are banned from this room for ${time}.`,
    slow_mode: (time) => `Slow mode: you may write again in ${time}.`,
};

/** @param {string} code @param {string} [fallback] @param {number} [ms] until it is over */
function sentence(code, fallback, ms = 0) {
    if (ms > 0 && ENDING[code]) return ENDING[code](span(ms));
    return ERRORS[code] ?? (fallback || 'The server refused it.');
}

const date = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const both = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

export const strings = {
    title: 'confab',
    /** @param {number} unread @param {string} where */
    pageTitle: (unread, where) => `${unread ? `(${unread}) ` : ''}${where} · confab`,

    error: sentence,

    ways: { guest: 'Enter', login: 'Log in', register: 'Make the account' },
    guestNote: 'No account. The name stays yours in this browser while you use it.',
    nameTaken: 'Somebody uses this name. If it is yours, log in.',
    leave: 'Leave confab',
    logOut: 'Log out',
    logOutUntold: 'You are logged out here, but the server could not be told.',
    thisDevice: 'This device',
    someDevice: 'Some device',
    onlineNow: 'Connected now',
    /** @param {number} ms */
    lastSeen: (ms) => `Last seen ${both.format(ms)}`,
    signOut: 'Sign out',
    /** @param {string} device */
    signOutOf: (device) => `Sign out: ${device}`,
    /** @param {number} n */
    signedOut: (n) => `${plural(n, 'device is', 'devices are')} signed out.`,

    online: 'Connected',
    connecting: 'Connecting…',
    offline: 'Offline',
    stopped: 'Disconnected',
    /** @param {number} seconds */
    retryIn: (seconds) => `Connection lost. Trying again in ${seconds} s.`,
    retryNow: 'Connection lost. Trying again…',
    /** @param {string} reason */
    stoppedBecause: (reason) => `The server ended this connection${reason ? `: ${reason}` : ''}.`,
    degraded: 'The server is in trouble: new messages wait here and go out by themselves.',
    tryNow: 'Try now',
    reconnect: 'Reconnect',

    /** @param {string} room */
    leaveRoom: (room) => `Leave ${room}`,
    /** @param {number} n */
    unread: (n) => `${plural(n, 'unread message', 'unread messages')}`,
    noConversations: 'Pick a person to talk in private.',

    /** @param {number} n */
    here: (n) => plural(n, 'person here', 'people here'),
    you: 'you',
    /** @param {string} name */
    talkTo: (name) => `Private chat with ${name}`,
    privateWith: 'Private conversation',
    manyPeople: 'Too many people to list.',

    searchHere: (/** @type {string} */ where) => `In ${where}`,
    searching: 'Searching…',
    /** @param {number} n @param {boolean} more */
    results: (n, more) =>
        n ? `${plural(n, 'message', 'messages')}${more ? ' so far' : ''}` : 'Nothing found.',
    resultsPartial: 'Older messages were not looked at: add a word to see them.',
    /** @param {number} n */
    resultsBehind: (n) => `${plural(n, 'new message', 'new messages')} cannot be found yet.`,
    cannotShow: 'This message cannot be shown now.',

    today: 'Today',
    yesterday: 'Yesterday',
    /** @param {number} ms */
    date: (ms) => date.format(ms),
    /** @param {number} ms */
    time: (ms) => time.format(ms),
    /** @param {number} ms */
    dateTime: (ms) => both.format(ms),

    newMessages: 'New',
    /** @param {number} missed */
    gap: (missed) =>
        missed > 0
            ? `${plural(missed, 'message', 'messages')} could not be recovered`
            : 'Some messages may be missing here',
    /** @param {number} n */
    missing: (n) => `${plural(n, 'message is', 'messages are')} missing here`,
    olderLoading: 'Loading older messages…',
    olderFailed: 'Older messages cannot be loaded now. Scroll to try again.',
    /** @param {number} n @param {number} lost */
    caughtUp: (n, lost) =>
        `Caught up: ${plural(n, 'message', 'messages')}${lost ? `, ${lost} lost` : ''}`,
    /** @param {number} n */
    jump: (n) => (n ? plural(n, 'new message', 'new messages') : 'Latest messages'),
    emptyRoom: 'Nothing said here yet. Begin.',
    /** @param {string} name */
    emptyPrivate: (name) => `This is the beginning of your conversation with ${name}.`,
    nowhere: 'Join a room to begin.',
    loading: 'Loading…',

    pending: 'Sending…',
    waiting: 'Waiting to be sent',
    /** @param {string} code */
    failed: (code) => `Not sent. ${ERRORS[code] ?? 'The server refused it.'}`,
    retry: 'Try again',
    discard: 'Remove',
    /** @type {Record<string, string>} */
    ticks: { stored: 'Sent', delivered: 'Delivered', read: 'Read' },
    edited: 'edited',
    deleted: 'Message deleted',
    /** @param {string} emoji @param {number} n @param {string} names */
    reaction: (emoji, n, names) => `${emoji} ${n}: ${names}`,
    /** @param {number} n */
    moreReactions: (n) => plural(n, 'more reaction', 'more reactions'),

    actions: 'More',
    /** @param {string} user */
    actionsOf: (user) => `What to do with this message of ${user}`,
    /** @param {string} emoji */
    reactWith: (emoji) => `React with ${emoji}`,
    otherEmoji: 'Another emoji',
    oneEmoji: 'One emoji, without spaces.',
    edit: 'Edit',
    copy: 'Copy',
    copied: 'Copied.',
    notCopied: 'This browser does not let pages copy.',
    delete: 'Delete',
    deleteForAll: 'Delete it for everybody',
    cancel: 'Cancel',
    /** @param {string} user */
    mute: (user) => `Mute ${user}…`,
    /** @param {string} user */
    kick: (user) => `Remove ${user} from the room`,
    /** @param {string} user */
    ban: (user) => `Ban ${user}…`,
    /** @param {'mute'|'ban'} what @param {string} user @param {number} seconds */
    sanction: (what, user, seconds) =>
        `${what === 'mute' ? 'Mute' : 'Ban'} ${user} ${seconds ? `for ${span(1000 * seconds)}` : 'for ever'}`,

    send: 'Send',
    save: 'Save',
    editing: 'Editing your message. Escape cancels.',
    /** @param {string} code @param {number} ms 0: for ever */
    barred: (code, ms) => sentence(code, '', ms),
    /** @param {number} n */
    seconds: (n) => (n >= 60 ? `${Math.floor(n / 60)}:${String(n % 60).padStart(2, '0')}` : `${n} s`),
    /** @param {number} n */
    slowMode: (n) => `Slow mode: you may write again in ${span(1000 * n)}.`,

    isPrivate: 'Private room',
    isReadOnly: 'Read-only room',
    /** @param {{access: string, read_only: boolean, slow_ms: number, owner?: string}} info */
    roomKind: ({ access, read_only, slow_ms, owner }) =>
        [
            access === 'private' ? 'Private: members only.' : 'Public: everybody may come in.',
            read_only ? 'Only owner and moderators write.' : '',
            slow_ms ? `Slow mode: one message in ${span(slow_ms)}.` : '',
            owner ? `It belongs to ${owner}.` : 'Its owner is gone.',
        ]
            .filter(Boolean)
            .join(' '),
    /** @param {boolean} isLoading */
    nobodysRoom: (isLoading) =>
        isLoading ? 'Loading…' : 'This room belongs to nobody: everybody may do the same in it.',
    noTopic: 'No topic.',
    /** @param {number} seconds */
    slowChoice: (seconds) => (seconds ? `every ${span(1000 * seconds)}` : 'off'),
    /** @param {number} n */
    onTheList: (n) => `On the list (${n})`,
    /** @type {Record<string, string>} */
    roles: { owner: 'Owner', moderator: 'Moderator', member: 'Member', none: 'Off the list' },
    /** @param {string} name */
    roleOf: (name) => `Role of ${name}`,
    /** @param {string} name */
    giveAway: (name) => `Give the room to ${name}`,
    share: 'Share',
    copyByHand: 'It is selected: copy it from there.',
    inviteNote: 'Whoever has this link and an account becomes a member.',
    /** @param {number} uses @param {number} ms @param {string} by */
    invitation: (uses, ms, by) =>
        `${uses < 0 ? 'Any number' : plural(uses, 'place', 'places')} · ${span(ms)} left · by ${by}`,
    endInvitation: 'End',
    lift: 'Lift',
    /** @param {string} user */
    liftOf: (user) => `Lift it for ${user}`,
    /** @param {string} kind @param {number} ms 0: for ever @param {string} reason */
    sanctioned: (kind, ms, reason) =>
        `${kind === 'mute' ? 'muted' : kind === 'kick' ? 'removed' : 'banned'} ${
            ms > 0 ? `for ${span(ms)} more` : 'for ever'
        }${reason ? `: ${reason}` : ''}`,
    /** @param {string} room */
    roomEnded: (room) => `${room} has ended.`,
    createTitle: 'New room',
    ownTitle: 'Make this room yours',
    /** @param {string} room @param {string} reason @param {number} ms */
    evicted: (room, reason, ms) => {
        const time = ms > 0 ? ` for ${span(ms)}` : '';
        if (reason === 'kicked') return `You were removed from ${room}${time}.`;
        if (reason === 'banned') return `You are banned from ${room}${time || ' for ever'}.`;
        if (reason === 'private') return `${room} is private now, and you are not on its list.`;
        return `${room} has ended.`;
    },
    invitedGuest: 'You are invited to a room: log in, or make an account, and open the link again.',

    /** @param {number} n */
    newMentions: (n) => plural(n, 'new mention', 'new mentions'),
    noMentions: 'Nobody has mentioned you yet.',
    /** @param {string} user @param {string} room */
    mentionIn: (user, room) => `${user} in #${room}`,

    wrongPassword: 'The password is wrong.',
    passwordChanged: 'The password is changed. All other devices are signed out.',
    accountDeleted: 'The account is deleted.',

    /** @param {string} where */
    messageTo: (where) => `Message ${where}`,
    /** @param {number} left bytes; below zero: too many */
    bytesLeft: (left) => (left < 0 ? `${-left} bytes too long` : `${left} bytes left`),
    /** @param {number} seconds */
    rateLimited: (seconds) => `You write faster than allowed. Sending goes on in ${seconds} s.`,

    /** @param {string[]} names */
    typing: (names) => {
        if (names.length === 0) return '';
        if (names.length === 1) return `${names[0]} is typing…`;
        if (names.length === 2) return `${names[0]} and ${names[1]} are typing…`;
        return 'Several people are typing…';
    },
    /** @param {string} user @param {string} content */
    announce: (user, content) => `${user}: ${content}`,
};
