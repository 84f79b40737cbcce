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
    wrong_user: 'This login belongs to another name.',
    not_found: 'This device is signed out already.',
    unavailable: 'The server is in trouble. Try again in a moment.',
};

const date = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const both = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

export const strings = {
    title: 'confab',
    /** @param {number} unread @param {string} where */
    pageTitle: (unread, where) => `${unread ? `(${unread}) ` : ''}${where} · confab`,

    /** @param {string} code @param {string} [fallback] */
    error: (code, fallback) => ERRORS[code] ?? fallback ?? 'The server refused it.',

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
    seen: 'Seen',

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
