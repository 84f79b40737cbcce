/** Puts the parts together: the start screen, then one store and its views per user. */
import { Account } from './account.js';
import { byId } from './dom.js';
import { awaitNetwork, listen, register, takeShared } from './install.js';
import { LastSeen } from './lastseen.js';
import { isPlace } from './names.js';
import { Notices } from './notify.js';
import * as storage from './storage.js';
import { Store } from './store.js';
import { strings, translate } from './strings.js';
import { ActionsView } from './views/actions.js';
import { ComposerView } from './views/composer.js';
import { CreateSheet } from './views/create.js';
import { DevicesView } from './views/devices.js';
import { Drawers, followKeyboard } from './views/drawers.js';
import { EmojiPicker } from './views/emoji-picker.js';
import { HeadView } from './views/head.js';
import { HealthView } from './views/health.js';
import { MentionsView } from './views/mentions.js';
import { MessagesView } from './views/messages.js';
import { addressed, ReadingView } from './views/reading.js';
import { RoomSheet } from './views/room-sheet.js';
import { ReachSheet } from './views/reach.js';
import { SearchView } from './views/search.js';
import { SettingsSheet } from './views/settings.js';
import { SideView } from './views/side.js';
import { StartView } from './views/start.js';

const TOAST_MS = 4_000;
const EVICTED_MS = 10_000; // it says why and until when

translate();
const drawers = new Drawers();
new SettingsSheet();
const account = new Account({ api: new URL('/api/v1/', location.href).href, kept: storage.login });
const start = new StartView(account, enter);
const devices = new DevicesView(account, quit, () => {
    leave('');
    toast(strings.accountDeleted);
});
/** @type {{store: Store, reading: ReadingView, stop: () => void}|null} */
let session = null;
/** @type {ReturnType<typeof setTimeout>|undefined} */
let toastTimer;

/** @param {string} text A short notice that goes by itself. @param {number} [ms] */
function toast(text, ms = TOAST_MS) {
    const element = byId('toast');
    element.textContent = text;
    element.classList.add('shown');
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => element.classList.remove('shown'), ms);
}

/** @returns {string} of the WebSocket, beside this page */
function socketUrl() {
    const url = new URL('/ws', location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url.href;
}

/** @returns {import('./connection.js').Opened|undefined} the socket of first.js */
function takeOpened() {
    const { opened } = /** @type {any} */ (globalThis);
    Object.assign(globalThis, { opened: undefined });
    return opened;
}

/** @returns {string} the place that the address names: #general or #@bob, or #general/7 */
function placeInAddress() {
    const { stream = '' } = addressed(location.hash) ?? {};
    if (stream) return isPlace(stream) ? stream : '';
    try {
        const place = decodeURIComponent(location.hash.slice(1)).normalize('NFC');
        return isPlace(place) ? place : '';
    } catch {
        return '';
    }
}

/** @type {{code: string, room: string}|null} an invitation that the address had */
let invitation = null;

/** Takes an invitation out of the address, so that it is in no history and no bookmark. */
function takeInvitation() {
    const params = new URLSearchParams(location.hash.slice(1));
    const code = params.get('invite');
    if (!code) return;
    invitation = { code, room: (params.get('room') ?? '').normalize('NFC') };
    history.replaceState(null, '', location.pathname);
}

/** @param {Store} store Uses it, once somebody is signed in. */
async function useInvitation(store) {
    if (!invitation) return;
    if (!store.isAccount) return toast(strings.invitedGuest);
    const { code, room } = invitation;
    invitation = null;
    if (isPlace(room) && !room.startsWith('@')) return store.accept(room, code);
    try {
        store.show(await account.accept(code));
    } catch (error) {
        const { code: problem, message } = /** @type {import('./account.js').AccountError} */ (error);
        toast(strings.error(problem, message));
    }
}

/**
 * What another app shared goes to the place that is open: text into the field, files into the tray
 * as soon as the server takes them here.
 * @param {Store} store @param {ComposerView} composer
 */
async function useShared(store, composer) {
    if (!store.active) return;
    const [text] = await takeShared('text');
    if (text) composer.insert(await text.blob.text());
    if (composer.takesFiles === undefined) return;
    const files = await takeShared('file');
    const [lost] = files.filter(({ isLost }) => isLost);
    const there = files.filter(({ isLost }) => !isLost);
    if (lost) toast(`${lost.name}: ${strings.error('too_big')}`);
    if (!there.length) return;
    if (!composer.takesFiles) return toast(strings.error('files_off'));
    composer.add(there.map(({ blob, name, type }) => new File([blob], name, { type })));
}

/** @param {string} name as guest, or that of the account */
function enter(name) {
    const isAccount = name === account.name;
    const token = (/** @type {string} */ stale) => account.token(stale);
    const store = new Store(socketUrl(), name, isAccount ? token : undefined, takeOpened());
    byId('open-devices').hidden = !isAccount;
    byId('quit').title = isAccount ? strings.logOut : strings.leave;
    byId('quit').setAttribute('aria-label', byId('quit').title);
    const picker = new EmojiPicker();
    const actions = new ActionsView(store, toast, picker);
    const reading = new ReadingView(store, toast);
    const messages = new MessagesView(store, toast, {
        act: (item) => actions.open(item),
        react: (item, emoji) => void actions.react(item, emoji),
    });
    const composer = new ComposerView(store, () => messages.toEnd(), toast, picker);
    const chosen = () => {
        drawers.close();
        if (matchMedia('(hover: hover)').matches) composer.focus(); // no keyboard on a phone yet
    };
    const side = new SideView(store, chosen);
    const head = new HeadView(store, chosen);
    const search = new SearchView(store, toast, () => drawers.close());
    const create = new CreateSheet(store, chosen);
    const room = new RoomSheet(store, toast, (name) => create.open(name));
    const mentions = new MentionsView(store, toast, () => drawers.close());
    const reach = new ReachSheet(store);
    const more = [reach, new Notices(store), new LastSeen(store), new HealthView(store)];
    const views = [side, head, composer, messages, search, actions, create, room, mentions, reading, picker, ...more];
    let sharedAt = '';
    store.on('change', (topics) => {
        for (const view of views) view.update(topics);
        if (store.current?.ready) register();
        if (topics.has('active')) rememberPlace(store);
        const now = `${store.active} ${composer.takesFiles}`; // when that is something else
        if (now !== sharedAt) void useShared(store, composer);
        sharedAt = now;
    });
    store.on('refused', ({ stream, code, message, retryAfterMs }) => {
        if (!stream) return leave(code, message);
        side.complain(code, message, retryAfterMs);
        toast(`${stream}: ${strings.error(code, message, retryAfterMs)}`); // the column may be closed
    });
    store.on('evicted', ({ stream, reason, until }) =>
        toast(strings.evicted(stream, reason, until ? until - Date.now() : 0), EVICTED_MS),
    );
    session = {
        store,
        reading,
        stop() {
            store.quit();
            for (const view of views) view.stop();
        },
    };
    document.body.dataset.screen = 'app';
    byId('start').hidden = true;
    byId('app').hidden = false;
    store.enter(placeInAddress());
    goToMessage();
    void useInvitation(store);
    chosen();
}

/**
 * Back to the start screen.
 * @param {string} code what is wrong; "" when the user wants to go
 * @param {string} [message]
 */
function leave(code, message) {
    if (!session) return;
    const { store, stop } = session;
    session = null;
    stop();
    drawers.close();
    devices.close();
    storage.keepUser(store.me, false);
    if (code === 'accounts_off') account.forget();
    start.show(store.me, code, message);
}

/** The user wants to go; an account is logged out. */
function quit() {
    const isAccount = Boolean(session?.store.client.token);
    leave('');
    if (isAccount) account.logout().catch(() => toast(strings.logOutUntold));
}

/** Where the address names one. */
function goToMessage() {
    const message = addressed(location.hash);
    if (message && isPlace(message.stream)) void session?.reading.go(message.stream, message.seq);
}

/** @param {Store} store The address names the place, so the back button leads to the last one. */
function rememberPlace(store) {
    if (!store.active || placeInAddress() === store.active) return;
    const hash = `#${store.active}`;
    if (location.hash) history.pushState(null, '', hash);
    else history.replaceState(null, '', hash);
}

addEventListener('popstate', () => {
    takeInvitation();
    if (session) void useInvitation(session.store);
    const place = placeInAddress();
    if (place && session && session.store.active !== place) session.store.show(place);
    goToMessage();
});
byId('quit').addEventListener('click', quit);
account.on('lost', () => leave('bad_token'));
account.on('changed', (name) => {
    if (session?.store.client.token) leave(''); // another tab logged out, or in as somebody else
    if (name && !session) enter(name);
});
addEventListener('storage', ({ key }) => {
    if (key === storage.ACCOUNT || key === null) account.reread();
});
for (const sign of ['pageshow', 'online'])
    addEventListener(sign, () => session?.store.client.wake());
addEventListener('pagehide', () => session?.store.client.flush());
document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') session?.store.client.flush();
    if (document.body.dataset.connection !== 'online') void awaitNetwork();
    if (document.visibilityState === 'visible') session?.store.client.wake();
});
addEventListener('offline', () => void awaitNetwork());
listen(
    () => session?.store.client.wake(),
    (stream) => session?.store.show(stream),
);
followKeyboard();
takeInvitation();

const { name, entered } = storage.user();
if (account.name) enter(account.name);
else if (entered && name) enter(name);
else {
    start.show(name, invitation ? 'invited' : '');
    register();
}
delete document.documentElement.dataset.known; // what is hidden now is hidden
