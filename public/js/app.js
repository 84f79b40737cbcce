/** Puts the parts together: the start screen, then one store and its views per user. */
import { Account } from './account.js';
import { byId } from './dom.js';
import { isPlace } from './names.js';
import * as storage from './storage.js';
import { Store } from './store.js';
import { strings } from './strings.js';
import { ComposerView } from './views/composer.js';
import { DevicesView } from './views/devices.js';
import { Drawers, followKeyboard } from './views/drawers.js';
import { HeadView } from './views/head.js';
import { MessagesView } from './views/messages.js';
import { SearchView } from './views/search.js';
import { SideView } from './views/side.js';
import { StartView } from './views/start.js';

const TOAST_MS = 4_000;

const drawers = new Drawers();
const account = new Account({ api: new URL('/api/v1/', location.href).href, kept: storage.login });
const start = new StartView(account, enter);
const devices = new DevicesView(account, quit);
/** @type {{store: Store, stop: () => void}|null} */
let session = null;
/** @type {ReturnType<typeof setTimeout>|undefined} */
let toastTimer;

/** @param {string} text A short notice that goes by itself. */
function toast(text) {
    const element = byId('toast');
    element.textContent = text;
    element.classList.add('shown');
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => element.classList.remove('shown'), TOAST_MS);
}

/** @returns {string} of the WebSocket, beside this page */
function socketUrl() {
    const url = new URL('/ws', location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url.href;
}

/** @returns {string} the place that the address names: #general or #@bob */
function placeInAddress() {
    try {
        const place = decodeURIComponent(location.hash.slice(1)).normalize('NFC');
        return isPlace(place) ? place : '';
    } catch {
        return '';
    }
}

/** @param {string} name as guest, or that of the account */
function enter(name) {
    const isAccount = name === account.name;
    const token = (/** @type {string} */ stale) => account.token(stale);
    const store = new Store(socketUrl(), name, isAccount ? token : undefined);
    byId('open-devices').hidden = !isAccount;
    byId('quit').title = isAccount ? strings.logOut : strings.leave;
    byId('quit').setAttribute('aria-label', byId('quit').title);
    const messages = new MessagesView(store, toast);
    const composer = new ComposerView(store, () => messages.toEnd());
    const chosen = () => {
        drawers.close();
        if (matchMedia('(hover: hover)').matches) composer.focus(); // no keyboard on a phone yet
    };
    const side = new SideView(store, chosen);
    const head = new HeadView(store, chosen);
    const search = new SearchView(store, toast, () => drawers.close());
    const views = [side, head, composer, messages, search];
    store.on('change', (topics) => {
        for (const view of views) view.update(topics);
        if (topics.has('active')) rememberPlace(store);
    });
    store.on('refused', ({ stream, code, message }) => {
        if (stream) side.complain(code, message);
        else leave(code, message);
    });
    session = {
        store,
        stop() {
            store.quit();
            for (const view of views) view.stop();
        },
    };
    document.body.dataset.screen = 'app';
    byId('start').hidden = true;
    byId('app').hidden = false;
    store.enter(placeInAddress());
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
    document.title = strings.title;
    if (code === 'accounts_off') account.forget();
    start.show(store.me, code, message);
}

/** The user wants to go; an account is logged out. */
function quit() {
    const isAccount = Boolean(session?.store.client.token);
    leave('');
    if (isAccount) account.logout().catch(() => toast(strings.logOutUntold));
}

/** @param {Store} store The address names the place, so the back button leads to the last one. */
function rememberPlace(store) {
    if (!store.active || placeInAddress() === store.active) return;
    const hash = `#${store.active}`;
    if (location.hash) history.pushState(null, '', hash);
    else history.replaceState(null, '', hash);
}

addEventListener('popstate', () => {
    const place = placeInAddress();
    if (place && session && session.store.active !== place) session.store.show(place);
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
document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') session?.store.client.wake();
});
followKeyboard();

const { name, entered } = storage.user();
if (account.name) enter(account.name);
else if (entered && name) enter(name);
else start.show(name, '');
