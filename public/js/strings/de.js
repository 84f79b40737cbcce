/** German, in the words one uses among friends. */
import { formats, sizes, spans } from './formats.js';

/** @param {number} n @param {string} one @param {string} many */
const plural = (n, one, many) => `${n} ${n === 1 ? one : many}`;

const format = formats('de');
const size = sizes('de');
const span = spans([
    ['Tag', 'Tage'],
    ['Stunde', 'Stunden'],
    ['Minute', 'Minuten'],
    ['Sekunde', 'Sekunden'],
]);

/** @type {Record<string, string>} */
const errors = {
    too_big: 'Diese Datei ist größer, als der Server annimmt.',
    bad_media_type: 'Dateien dieser Art nimmt der Server nicht an.',
    wrong_type: 'Diese Datei ist nicht das, was sie zu sein vorgibt.',
    bad_picture: 'Dieses Bild ist beschädigt.',
    too_many_pixels: 'Dieses Bild hat zu viele Pixel: höchstens 50 Millionen.',
    bad_file_name: 'Der Server nimmt diesen Dateinamen nicht an.',
    quota_reached: 'Du hast so viele Dateien gesendet, wie du darfst: Lösche erst welche.',
    files_full: 'Der Server hat keinen Platz mehr für Dateien.',
    files_unavailable: 'Dateien lassen sich gerade nicht speichern. Versuch es noch einmal.',
    file_empty: 'Diese Datei ist leer oder ein Ordner.',
    files_off: 'Dieser Server nimmt keine Dateien an.',
    name_taken: 'Den Namen benutzt schon jemand. Nimm einen anderen.',
    bad_name: 'Ein Name besteht aus Buchstaben, Ziffern, „_“, „-“ oder „.“, ohne Leerzeichen.',
    bad_room: 'Ein Raumname besteht aus Buchstaben, Ziffern, „_“, „-“ oder „.“, ohne Leerzeichen.',
    bad_content: 'Diese Nachricht ist leer oder zu lang.',
    too_many_rooms: 'Du bist in zu vielen Räumen. Verlass erst einen.',
    store_failed: 'Der Server konnte es nicht speichern. Warum, steht in seinem Protokoll.',
    uncertain: 'Ob das angekommen ist, weiß niemand. Schau nach, bevor du es noch einmal sendest.',
    bad_query: 'Such nach 1 bis 16 Wörtern.',
    bad_cursor: 'Hier geht es nicht weiter. Such noch einmal.',
    search_off: 'Das Archiv dieses Servers hat kein Wortverzeichnis.',
    archive_off: 'Dieser Server führt kein Archiv, das man durchsuchen könnte.',
    archive_unavailable: 'Das Archiv antwortet nicht. Versuch es gleich noch einmal.',
    busy: 'Der Server hat gerade zu viel zu tun. Versuch es gleich noch einmal.',
    offline: 'Es gibt keine Verbindung. Versuch es gleich noch einmal.',
    not_joined: 'Du bist nicht mehr in diesem Raum.',
    accounts_off: 'Dieser Server hat keine Konten mehr. Komm als Gast herein.',
    login_required: 'Dieser Server nimmt keine Gäste. Melde dich an oder leg ein Konto an.',
    bad_login: 'Der Name oder das Passwort stimmt nicht.',
    login_limited: 'Zu viele Versuche. Probier es in ein paar Minuten wieder.',
    bad_password: 'Ein Passwort hat 8 bis 1024 Bytes; 8 Buchstaben genügen.',
    bad_token: 'Dieses Gerät wurde abgemeldet. Melde dich neu an.',
    token_expired: 'Diese Anmeldung ist abgelaufen. Melde dich neu an.',
    not_found: 'Das gibt es nicht mehr.',
    wrong_user: 'Diese Anmeldung gehört zu einem anderen Namen.',
    not_allowed: 'Das darfst du hier nicht.',
    account_needed: 'Das geht nur mit Konto. Melde dich an oder leg eines an.',
    private_room: 'Dieser Raum ist privat. Lass dich einladen.',
    read_only: 'Hier schreiben nur Leitung und Moderation.',
    muted: 'Du bist hier stummgeschaltet.',
    banned: 'Du bist aus diesem Raum ausgesperrt.',
    slow_mode: 'Dieser Raum ist im langsamen Modus. Warte einen Moment.',
    rate_limited: 'So schnell geht es nicht. Warte einen Moment.',
    too_old: 'Diese Nachricht ist zu alt, um sie zu ändern.',
    bad_invitation: 'Diese Einladung ist falsch, aufgebraucht oder abgelaufen.',
    room_exists: 'Dieser Raum hat schon eine Leitung.',
    last_owner: 'Ein Raum braucht eine Leitung: Gib sie zuerst jemand anderem.',
    full: 'Es ist kein Platz mehr: Nimm erst etwas von der Liste.',
    bad_field: 'Das nimmt der Server nicht an.',
    unknown_type: 'Das kann dieser Server nicht.',
    admin_off: 'Dieser Server hat keine Verwaltung.',
    bad_admin_token: 'Das ist nicht der Schlüssel der Verwaltung.',
    invited: 'Du bist in einen Raum eingeladen: Melde dich an oder leg ein Konto an.',
    unavailable: 'Der Server hat Schwierigkeiten. Versuch es gleich noch einmal.',
};

/** @type {Record<string, (time: string) => string>} */
const ENDING = {
    muted: (time) => `Du bist hier stummgeschaltet, noch ${time}.`,
    banned: (time) => `Du bist aus diesem Raum ausgesperrt, noch ${time}.`,
    slow_mode: (time) => `Langsamer Modus: noch ${time}, bis du wieder schreiben kannst.`,
};

/** @param {string} code @param {string} [fallback] @param {number} [ms] until it is over */
function sentence(code, fallback, ms = 0) {
    if (ms > 0 && ENDING[code]) return ENDING[code](span(ms));
    return errors[code] ?? (fallback || 'Der Server hat es abgelehnt.');
}

const page = {
    attach: 'Dateien anhängen',
    takePhoto: 'Foto aufnehmen',
    chooseFiles: 'Bilder oder Dateien wählen',
    dropHere: 'Hier loslassen',
    emojiTitle: 'Emoji',
    emojiSearch: 'Suchen (englisch) oder eines eingeben',
    quoteCancel: 'Doch nicht darauf antworten',
    download: 'Herunterladen',
    yourName: 'Dein Name',
    password: 'Passwort',
    welcome: 'Komm rein, sag hallo.',
    passwordHint: 'Mindestens 8 Zeichen. Niemand kann dir ein neues schicken: Bewahr es gut auf.',
    plain: 'Das Passwort geht unverschlüsselt durch dieses Netz.',
    wayLogin: 'Ich habe ein Konto',
    wayRegister: 'Konto anlegen',
    wayGuest: 'Als Gast hereinkommen',
    skip: 'Zum Nachrichtenfeld springen',
    reach: 'Einladen',
    reachTitle: 'In diesen Chat einladen',
    reachAddress: 'Adresse',
    reachOthers: 'Andere Adressen',
    sideLabel: 'Räume und Gespräche',
    close: 'Schließen',
    places: 'Wo geredet wird',
    mentions: 'Erwähnungen',
    rooms: 'Räume',
    newRoom: 'Neuer Raum',
    joinLabel: 'Raum betreten oder anlegen; @Name beginnt ein privates Gespräch',
    joinHint: 'Raum betreten oder anlegen',
    join: 'Betreten',
    private: 'Privat',
    accountLabel: 'Dein Konto und deine Geräte',
    aboutRoom: 'Über diesen Raum',
    search: 'Suche',
    peopleLabel: 'Wer hier ist',
    messages: 'Nachrichten',
    pendingLabel: 'Noch nicht gesendet',
    names: 'Namen',
    editingText: 'Du bearbeitest deine Nachricht',
    cancel: 'Abbrechen',
    send: 'Senden',
    closeSearch: 'Suche schließen',
    searchLabel: 'Wörter, nach denen gesucht wird',
    searchNow: 'Jetzt suchen',
    searchWhere: 'Wo gesucht wird',
    everywhere: 'Überall',
    moreResults: 'Weitere Treffer',
    people: 'Leute',
    yourAccount: 'Dein Konto',
    devices: 'Geräte',
    signOutOthers: 'Alle anderen abmelden',
    changePassword: 'Passwort ändern',
    oldPassword: 'Altes Passwort',
    newPassword: 'Neues Passwort',
    newPasswordHint: 'Mindestens 8 Zeichen. Alle anderen Geräte werden abgemeldet.',
    change: 'Ändern',
    deleteAccount: 'Konto löschen',
    deleteAccountNote:
        'Den Namen bekommt niemand wieder. Alle Geräte werden abgemeldet, und ein Raum von dir geht an jemanden aus seiner Moderation. Was du geschrieben hast, bleibt bei denen, die es lesen.',
    deleteForEver: 'Endgültig löschen',
    react: 'Reagieren',
    reactions: 'Reaktionen',
    ownRoom: 'Leitung dieses Raums übernehmen',
    topic: 'Thema',
    save: 'Speichern',
    rules: 'Wer was darf',
    openTo: 'Offen für',
    everybody: 'Alle',
    membersOnly: 'Nur Mitglieder',
    writers: 'Es schreiben',
    moderators: 'Nur Moderation',
    slowModeLabel: 'Langsamer Modus',
    invitations: 'Einladungen',
    goodFor: 'Gilt für',
    onePerson: 'eine Person',
    tenPeople: '10 Personen',
    hundredPeople: '100 Personen',
    anyNumber: 'beliebig viele',
    endsAfter: 'Gilt',
    oneDay: 'einen Tag',
    oneWeek: 'eine Woche',
    thirtyDays: '30 Tage',
    makeLink: 'Link erzeugen',
    inviteLink: 'Einladungslink',
    copy: 'Kopieren',
    accountName: 'Name eines Kontos',
    add: 'Hinzufügen',
    sanctions: 'Ausgesperrt und stummgeschaltet',
    endRoom: 'Raum auflösen',
    endRoomNote:
        'Alle müssen hinaus, und die Nachrichten sind hier weg. Der Name wird wieder frei.',
    endIt: 'Auflösen',
    name: 'Name',
    topicHint: 'Worum es geht (darf leer bleiben)',
    createNote: 'Du leitest den Raum. Moderation und Mitglieder fügst du danach hinzu.',
    create: 'Anlegen',
    olderOnes: 'Ältere',
    healthLabel: 'Verbindung und Server',
    healthTitle: 'Verbindung und Server',
    seenLately: 'Zuletzt hier',
    notices: 'Benachrichtigungen',
    noticeSound: 'Ton',
    noticeShow: 'Melden, wenn diese Seite verdeckt ist',
    noticeRooms: 'Auch Nachrichten in Räumen',
    noticeWhat: 'Bei privaten Nachrichten und Erwähnungen.',
    settings: 'Einstellungen',
    language: 'Sprache',
    theme: 'Aussehen',
    themeSystem: 'Wie das System',
    themeLight: 'Hell',
    themeDark: 'Dunkel',
    contrast: 'Kontrast',
    contrastNormal: 'Normal',
    contrastMore: 'Hoch',
};

/** @type {typeof import('./en.js').strings} */
export const strings = {
    quote: 'Antworten',
    copyLink: 'Link dazu kopieren',
    emojiRecent: 'Zuletzt benutzt',
    emojiNone: 'Kein Emoji heißt so.',
    emojiGroups: {
        smileys: 'Smileys',
        people: 'Menschen',
        hearts: 'Herzen und Sterne',
        nature: 'Tiere und Natur',
        food: 'Essen und Trinken',
        things: 'Dinge und Orte',
        signs: 'Zeichen',
    },
    filesMost: (most) => `Eine Nachricht fasst ${most} Dateien.`,
    fileSize: (bytes) => size(bytes),
    removeFile: (name) => `${name} entfernen`,
    goesLater: 'geht ab, sobald ihre Dateien da sind',
    trayLabel: 'Dateien dieser Nachricht',
    takeBack: 'Zurückholen',

    page,
    errors,
    title: 'confab',
    pageTitle: (unread, where) => `${unread ? `(${unread}) ` : ''}${where} · confab`,

    error: sentence,

    ways: { guest: 'Hereinkommen', login: 'Anmelden', register: 'Konto anlegen' },
    guestNote: 'Ohne Konto. Der Name bleibt in diesem Browser deiner, solange du ihn benutzt.',
    nameTaken: 'Den Namen benutzt schon jemand. Wenn es deiner ist, melde dich an.',
    leave: 'confab verlassen',
    logOut: 'Abmelden',
    logOutUntold: 'Du bist hier abgemeldet, aber der Server hat nichts davon erfahren.',
    thisDevice: 'Dieses Gerät',
    someDevice: 'Irgendein Gerät',
    onlineNow: 'Gerade verbunden',
    lastSeen: (ms) => `Zuletzt gesehen: ${format.both(ms)}`,
    signOut: 'Abmelden',
    signOutOf: (device) => `Abmelden: ${device}`,
    signedOut: (n) => `${plural(n, 'Gerät ist', 'Geräte sind')} abgemeldet.`,

    offline: 'Offline',
    retryIn: (seconds) => `Verbindung weg. Nächster Versuch in ${seconds} s.`,
    retryNow: 'Verbindung weg. Nächster Versuch läuft …',
    stoppedBecause: (reason) => `Der Server hat die Verbindung beendet${reason ? `: ${reason}` : ''}.`,
    degraded: 'Der Server hat Schwierigkeiten: Neue Nachrichten warten hier und gehen von selbst hinaus.',
    states: {
        online: 'Verbunden',
        connecting: 'Verbindet …',
        greeting: 'Verbindet …',
        stopped: 'Getrennt',
    },
    ms: (n) => `${n < 10 ? n.toFixed(1).replace('.', ',') : Math.round(n)} ms`,
    span,
    health: {
        connection: 'Verbindung',
        trip: 'Hin und zurück',
        instance: 'Instanz',
        uptime: 'Läuft seit',
        clients: 'Hier verbunden',
        redis: 'Redis',
        archive: 'Archiv',
    },
    clients: (clients, users, rooms) =>
        `${plural(clients, 'Verbindung', 'Verbindungen')}, ${plural(users, 'Person', 'Leute')}, ${plural(rooms, 'Raum', 'Räume')}`,
    hereNow: 'Online',
    elsewhere: 'online',
    seenAgo: (ms) => (ms < 60_000 ? 'gerade noch hier' : `vor ${span(ms)} hier`),
    noticesNeedTls: 'Dieser Browser lässt das nur bei Seiten mit https zu.',
    noticesDenied: 'In diesem Browser ist es für diese Seite verboten.',
    ticksOf: ({ of, got, read }) =>
        read === of
            ? `Von allen gelesen (${of})`
            : `Zugestellt an ${got} von ${of}${read ? `, gelesen von ${read}` : ''}`,
    tryNow: 'Jetzt versuchen',
    reconnect: 'Neu verbinden',

    leaveRoom: (room) => `${room} verlassen`,
    unread: (n) => plural(n, 'ungelesene Nachricht', 'ungelesene Nachrichten'),
    noConversations: 'Tippe jemanden an, um privat zu reden.',

    here: (n) => plural(n, 'Person hier', 'Leute hier'),
    you: 'du',
    talkTo: (name) => `Privat mit ${name} reden`,
    privateWith: 'Privates Gespräch',
    manyPeople: 'Zu viele Leute, um sie aufzuzählen.',

    searchHere: (where) => `In ${where}`,
    searching: 'Suche läuft …',
    results: (n, more) =>
        n ? `${plural(n, 'Nachricht', 'Nachrichten')}${more ? ' bisher' : ''}` : 'Nichts gefunden.',
    resultsPartial: 'Ältere Nachrichten wurden nicht durchsucht: Mit einem Wort mehr findest du sie.',
    resultsBehind: (n) =>
        `${plural(n, 'neue Nachricht lässt', 'neue Nachrichten lassen')} sich noch nicht finden.`,
    cannotShow: 'Diese Nachricht lässt sich gerade nicht zeigen.',

    today: 'Heute',
    yesterday: 'Gestern',
    date: format.date,
    time: format.time,
    dateTime: format.both,

    newMessages: 'Neu',
    gap: (missed) =>
        missed > 0
            ? `${plural(missed, 'Nachricht ist', 'Nachrichten sind')} nicht wiederherzustellen`
            : 'Hier fehlen vielleicht Nachrichten',
    missing: (n) => `Hier ${n === 1 ? 'fehlt' : 'fehlen'} ${plural(n, 'Nachricht', 'Nachrichten')}`,
    olderLoading: 'Ältere Nachrichten werden geladen …',
    olderFailed: 'Ältere Nachrichten lassen sich gerade nicht laden. Scrolle, um es neu zu versuchen.',
    caughtUp: (n, lost) =>
        `Nachgeholt: ${plural(n, 'Nachricht', 'Nachrichten')}${lost ? `, ${lost} verloren` : ''}`,
    jump: (n) => (n ? plural(n, 'neue Nachricht', 'neue Nachrichten') : 'Neueste Nachrichten'),
    emptyRoom: 'Hier hat noch niemand etwas gesagt. Fang an.',
    emptyPrivate: (name) => `Hier beginnt dein Gespräch mit ${name}.`,
    nowhere: 'Betritt einen Raum, und los geht es.',
    loading: 'Wird geladen …',

    pending: 'Wird gesendet …',
    waiting: 'Wartet darauf, gesendet zu werden',
    failed: (code) => `Nicht gesendet. ${errors[code] ?? 'Der Server hat es abgelehnt.'}`,
    retry: 'Noch einmal',
    discard: 'Entfernen',
    ticks: { stored: 'Gesendet', delivered: 'Zugestellt', read: 'Gelesen' },
    edited: 'bearbeitet',
    deleted: 'Nachricht gelöscht',
    reaction: (emoji, n, names) => `${emoji} ${n}: ${names}`,
    moreReactions: (n) => plural(n, 'weitere Reaktion', 'weitere Reaktionen'),

    actions: 'Mehr',
    actionsOf: (user) => `Was du mit dieser Nachricht von ${user} tun kannst`,
    reactWith: (emoji) => `Mit ${emoji} reagieren`,
    otherEmoji: 'Ein anderes Emoji',
    edit: 'Bearbeiten',
    copy: 'Kopieren',
    copied: 'Kopiert.',
    notCopied: 'Dieser Browser lässt Seiten nicht kopieren.',
    delete: 'Löschen',
    deleteForAll: 'Für alle löschen',
    cancel: 'Abbrechen',
    mute: (user) => `${user} stummschalten …`,
    kick: (user) => `${user} aus dem Raum entfernen`,
    ban: (user) => `${user} aussperren …`,
    sanction: (what, user, seconds) =>
        `${user} ${seconds ? `für ${span(1000 * seconds)}` : 'für immer'} ${
            what === 'mute' ? 'stummschalten' : 'aussperren'
        }`,

    send: 'Senden',
    save: 'Speichern',
    editing: 'Du bearbeitest deine Nachricht. Escape bricht ab.',
    barred: (code, ms) => sentence(code, '', ms),
    seconds: (n) => (n >= 60 ? `${Math.floor(n / 60)}:${String(n % 60).padStart(2, '0')}` : `${n} s`),
    slowMode: (n) => ENDING.slow_mode(span(1000 * n)),

    isPrivate: 'Privater Raum',
    isReadOnly: 'Raum zum Mitlesen',
    roomKind: ({ access, read_only, slow_ms, owner }) =>
        [
            access === 'private' ? 'Privat: nur für Mitglieder.' : 'Öffentlich: Alle dürfen herein.',
            read_only ? 'Nur Leitung und Moderation schreiben.' : '',
            slow_ms ? `Langsamer Modus: eine Nachricht alle ${span(slow_ms)}.` : '',
            owner ? `Geleitet von ${owner}.` : 'Die Leitung gibt es nicht mehr.',
        ]
            .filter(Boolean)
            .join(' '),
    nobodysRoom: (isLoading) =>
        isLoading ? 'Wird geladen …' : 'Dieser Raum gehört niemandem: Alle dürfen darin das Gleiche.',
    noTopic: 'Kein Thema.',
    slowChoice: (seconds) => (seconds ? `alle ${span(1000 * seconds)}` : 'aus'),
    onTheList: (n) => `Auf der Liste (${n})`,
    roles: { owner: 'Leitung', moderator: 'Moderation', member: 'Mitglied', none: 'Von der Liste' },
    roleOf: (name) => `Rolle von ${name}`,
    giveAway: (name) => `Leitung an ${name} abgeben`,
    share: 'Teilen',
    copyByHand: 'Es ist ausgewählt: Kopier es von dort.',
    reachHow: 'Scann ihn mit der Kamera eines Telefons im selben Netz, oder tipp dort die Adresse ein.',
    reachNobody: 'Dieser Server lässt nur diesen Rechner herein. Mit BIND=0.0.0.0 erreichen ihn andere.',
    inviteNote: 'Wer diesen Link und ein Konto hat, wird Mitglied.',
    invitation: (uses, ms, by) =>
        `${uses < 0 ? 'Beliebig viele' : plural(uses, 'Platz', 'Plätze')} · noch ${span(ms)} · von ${by}`,
    endInvitation: 'Beenden',
    lift: 'Aufheben',
    liftOf: (user) => `Aufheben für ${user}`,
    sanctioned: (kind, ms, reason) =>
        `${kind === 'mute' ? 'stummgeschaltet' : kind === 'kick' ? 'entfernt' : 'ausgesperrt'}, ${
            ms > 0 ? `noch ${span(ms)}` : 'für immer'
        }${reason ? `: ${reason}` : ''}`,
    roomEnded: (room) => `${room} ist aufgelöst.`,
    createTitle: 'Neuer Raum',
    ownTitle: 'Leitung dieses Raums übernehmen',
    evicted: (room, reason, ms) => {
        const time = ms > 0 ? ` für ${span(ms)}` : '';
        if (reason === 'kicked') return `Du wurdest${time} aus ${room} entfernt.`;
        if (reason === 'banned') return `Du bist${time || ' für immer'} aus ${room} ausgesperrt.`;
        if (reason === 'private') return `${room} ist jetzt privat, und du stehst nicht auf der Liste.`;
        return `${room} ist aufgelöst.`;
    },
    invitedGuest:
        'Du bist in einen Raum eingeladen: Melde dich an oder leg ein Konto an und öffne den Link noch einmal.',

    newMentions: (n) => plural(n, 'neue Erwähnung', 'neue Erwähnungen'),
    noMentions: 'Bisher hat dich niemand erwähnt.',
    mentionIn: (user, room) => `${user} in #${room}`,

    wrongPassword: 'Das Passwort stimmt nicht.',
    passwordChanged: 'Das Passwort ist geändert. Alle anderen Geräte sind abgemeldet.',
    accountDeleted: 'Das Konto ist gelöscht.',

    messageTo: (where) => `Nachricht an ${where}`,
    bytesLeft: (left) => (left < 0 ? `${-left} Bytes zu lang` : `noch ${left} Bytes`),
    rateLimited: (seconds) => `So schnell geht es nicht. In ${seconds} s geht es weiter.`,

    typing: (names) => {
        if (names.length === 0) return '';
        if (names.length === 1) return `${names[0]} schreibt …`;
        if (names.length === 2) return `${names[0]} und ${names[1]} schreiben …`;
        return 'Mehrere schreiben …';
    },
    announce: (user, content) => `${user}: ${content}`,
};
