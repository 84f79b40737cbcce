/** Puts the parts together: the start screen, then one store and its views per user. */
import { byId } from './dom.js';
import { isPlace } from './names.js';
import * as storage from './storage.js';
import { Store } from './store.js';
import { strings } from './strings.js';
import { ComposerView } from './views/composer.js';
import { Drawers, followKeyboard } from './views/drawers.js';
import { HeadView } from './views/head.js';
import { MessagesView } from './views/messages.js';
import { SearchView } from './views/search.js';
import { SideView } from './views/side.js';
import { startView } from './views/start.js';

const TOAST_MS = 4_000;

const drawers = new Drawers();
const start = startView(enter);
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

/** @param {string} name */
function enter(name) {
    const store = new Store(socketUrl(), name);
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
        else leave(strings.error(code, message));
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

/** @param {string} problem Back to the start screen; "" when the user wants to go. */
function leave(problem) {
    if (!session) return;
    const { store, stop } = session;
    session = null;
    stop();
    drawers.close();
    storage.keepUser(store.me, false);
    document.title = strings.title;
    start.show(store.me, problem);
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
byId('quit').addEventListener('click', () => leave(''));
for (const sign of ['pageshow', 'online'])
    addEventListener(sign, () => session?.store.client.wake());
document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') session?.store.client.wake();
});
followKeyboard();

const { name, entered } = storage.user();
if (entered && name) enter(name);
else start.show(name, '');
