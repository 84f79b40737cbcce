/** English: every text of the page. A language more is a file like this one, and a line in first.js. */
import { formats, sizes, spans } from './formats.js';

/** @param {number} n @param {string} one @param {string} many */
const plural = (n, one, many) => `${n} ${n === 1 ? one : many}`;

const format = formats('en');
const size = sizes('en');
const span = spans([
    ['day', 'days'],
    ['hour', 'hours'],
    ['minute', 'minutes'],
    ['second', 'seconds'],
]);

/** @type {Record<string, string>} sentences for the server's error codes */
const errors = {
    too_big: 'This file is larger than the server takes.',
    bad_media_type: 'The server does not take files of this kind.',
    wrong_type: 'This file is not what it is said to be.',
    bad_picture: 'This picture is damaged.',
    too_many_pixels: 'This picture has too many pixels: 50 million at most.',
    bad_file_name: 'The server does not take this name of a file.',
    quota_reached: 'You have sent as many files as you may: delete some first.',
    files_full: 'The server has no room for files left.',
    files_unavailable: 'Files cannot be stored at the moment. Try again.',
    file_empty: 'This file is empty, or a folder.',
    files_off: 'This server takes no files.',
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

/** Codes that end by themselves. @type {Record<string, (time: string) => string>} */
const ENDING = {
    muted: (time) => `You are muted here for ${time}.`,
    banned: (time) => `You are banned from this room for ${time}.`,
    slow_mode: (time) => `Slow mode: you may write again in ${time}.`,
};

/** @param {string} code @param {string} [fallback] @param {number} [ms] until it is over */
function sentence(code, fallback, ms = 0) {
    if (ms > 0 && ENDING[code]) return ENDING[code](span(ms));
    return errors[code] ?? (fallback || 'The server refused it.');
}

/** Of index.html: data-t, data-label, data-hint and data-title name them. */
const page = {
    attach: 'Attach files',
    takePhoto: 'Take a photo',
    chooseFiles: 'Choose pictures or files',
    dropHere: 'Drop it here',
    emojiTitle: 'Emoji',
    emojiSearch: 'Search, or enter one',
    quoteCancel: 'Do not answer it',
    download: 'Download',
    yourName: 'Your name',
    password: 'Password',
    welcome: 'Come in, say hello.',
    passwordHint: 'At least 8 characters. Nobody can send you a new one: keep it well.',
    plain: 'The password travels unencrypted in this network.',
    wayLogin: 'I have an account',
    wayRegister: 'Make an account',
    wayGuest: 'Enter as a guest',
    skip: 'Skip to the message field',
    reach: 'Invite',
    reachTitle: 'Invite to this chat',
    reachAddress: 'Address',
    reachOthers: 'Other addresses',
    sideLabel: 'Rooms and conversations',
    close: 'Close',
    places: 'Where to talk',
    mentions: 'Mentions',
    rooms: 'Rooms',
    newRoom: 'New room',
    joinLabel: 'Join or create a room, or write @name for a private chat',
    joinHint: 'Join or create a room',
    join: 'Join',
    private: 'Private',
    accountLabel: 'Your account and devices',
    aboutRoom: 'About this room',
    search: 'Search',
    peopleLabel: 'People here',
    messages: 'Messages',
    pendingLabel: 'Not sent yet',
    names: 'Names',
    editingText: 'Editing your message',
    cancel: 'Cancel',
    send: 'Send',
    closeSearch: 'Close the search',
    searchLabel: 'Words to search for',
    searchNow: 'Search now',
    searchWhere: 'Where to search',
    everywhere: 'Everywhere',
    moreResults: 'More results',
    people: 'People',
    yourAccount: 'Your account',
    devices: 'Devices',
    signOutOthers: 'Sign out all others',
    changePassword: 'Change the password',
    oldPassword: 'Old password',
    newPassword: 'New password',
    newPasswordHint: 'At least 8 characters. All other devices are signed out.',
    change: 'Change',
    deleteAccount: 'Delete this account',
    deleteAccountNote:
        'Nobody gets this name again. All devices are signed out, and a room of yours goes to one of its moderators. What you wrote stays where others read it.',
    deleteForEver: 'Delete for ever',
    react: 'React',
    reactions: 'Reactions',
    ownRoom: 'Make this room yours',
    topic: 'Topic',
    save: 'Save',
    rules: 'Who may do what',
    openTo: 'Open to',
    everybody: 'Everybody',
    membersOnly: 'Members only',
    writers: 'Writers',
    moderators: 'Moderators',
    slowModeLabel: 'Slow mode',
    invitations: 'Invitations',
    goodFor: 'Good for',
    onePerson: 'one person',
    tenPeople: '10 people',
    hundredPeople: '100 people',
    anyNumber: 'any number',
    endsAfter: 'Ends after',
    oneDay: 'one day',
    oneWeek: 'one week',
    thirtyDays: '30 days',
    makeLink: 'Make a link',
    inviteLink: 'Invitation link',
    copy: 'Copy',
    accountName: 'Name of an account',
    add: 'Add',
    sanctions: 'Banned and muted',
    endRoom: 'End this room',
    endRoomNote:
        'Everybody is taken out, and its messages are gone from here. The name is free again.',
    endIt: 'End it',
    name: 'Name',
    topicHint: 'What it is about (may be empty)',
    createNote: 'You will be its owner. Moderators and members are added afterwards.',
    create: 'Create',
    olderOnes: 'Older ones',
    healthLabel: 'Connection and server',
    healthTitle: 'Connection and server',
    seenLately: 'Seen lately',
    notices: 'Notifications',
    noticeSound: 'Sound',
    noticeShow: 'Notify me when this page is hidden',
    noticeRooms: 'Also of messages in rooms',
    noticeWhat: 'Of private messages and mentions.',
    settings: 'Settings',
    language: 'Language',
    theme: 'Look',
    themeSystem: 'As the system',
    themeLight: 'Light',
    themeDark: 'Dark',
    contrast: 'Contrast',
    contrastNormal: 'Normal',
    contrastMore: 'High',
};

export const strings = {
    quote: 'Answer',
    copyLink: 'Copy a link to it',
    emojiRecent: 'Used lately',
    emojiNone: 'There is no emoji of this name.',
    emojiGroups: {
        smileys: 'Smileys',
        people: 'People',
        hearts: 'Hearts and stars',
        nature: 'Animals and nature',
        food: 'Food and drink',
        things: 'Things and places',
        signs: 'Signs',
    },
    /** @param {number} most */
    filesMost: (most) => `A message takes ${most} files.`,
    /** @param {number} bytes */
    fileSize: (bytes) => size(bytes),
    /** @param {string} name */
    removeFile: (name) => `Remove ${name}`,
    goesLater: 'goes when its files are there',
    trayLabel: 'Files of this message',
    takeBack: 'Take it back',

    page,
    errors,
    title: 'confab',
    /** @param {number} unread @param {string} where */
    pageTitle: (unread, where) => `${unread ? `(${unread}) ` : ''}${where} · confab`,

    /** @param {string} code @param {string} [fallback] @param {number} [ms] until it is over */
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
    lastSeen: (ms) => `Last seen ${format.both(ms)}`,
    signOut: 'Sign out',
    /** @param {string} device */
    signOutOf: (device) => `Sign out: ${device}`,
    /** @param {number} n */
    signedOut: (n) => `${plural(n, 'device is', 'devices are')} signed out.`,

    offline: 'Offline',
    /** @param {number} seconds */
    retryIn: (seconds) => `Connection lost. Trying again in ${seconds} s.`,
    retryNow: 'Connection lost. Trying again…',
    /** @param {string} reason */
    stoppedBecause: (reason) => `The server ended this connection${reason ? `: ${reason}` : ''}.`,
    degraded: 'The server is in trouble: new messages wait here and go out by themselves.',
    states: /** @type {Record<string, string>} */ ({
        online: 'Connected',
        connecting: 'Connecting…',
        greeting: 'Connecting…',
        stopped: 'Disconnected',
    }),
    /** @param {number} n */
    ms: (n) => `${n < 10 ? n.toFixed(1) : Math.round(n)} ms`,
    span,
    health: {
        connection: 'Connection',
        trip: 'There and back',
        instance: 'Instance',
        uptime: 'Running for',
        clients: 'Connected here',
        redis: 'Redis',
        archive: 'Archive',
    },
    /** @param {number} clients @param {number} users @param {number} rooms */
    clients: (clients, users, rooms) =>
        `${plural(clients, 'connection', 'connections')}, ${plural(users, 'person', 'people')}, ${plural(rooms, 'room', 'rooms')}`,
    hereNow: 'Online',
    elsewhere: 'online',
    /** @param {number} ms */
    seenAgo: (ms) => (ms < 60_000 ? 'seen just now' : `seen ${span(ms)} ago`),
    noticesNeedTls: 'This browser lets only pages over https notify you.',
    noticesDenied: 'This browser has been told not to let this page notify you.',
    /** @param {{of: number, got: number, read: number}} tick */
    ticksOf: ({ of, got, read }) =>
        read === of
            ? `Read by all (${of})`
            : `Delivered to ${got} of ${of}${read ? `, read by ${read}` : ''}`,
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
    date: format.date,
    time: format.time,
    dateTime: format.both,

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
    failed: (code) => `Not sent. ${errors[code] ?? 'The server refused it.'}`,
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
    /** @param {boolean} isLoading @returns {string} */
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
    reachHow: 'Scan it with the camera of a phone in the same network, or type the address there.',
    reachNobody: 'This server lets only this machine in. Set BIND=0.0.0.0, so that others reach it.',
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
