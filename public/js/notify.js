/**
 * What one is told of while one looks elsewhere: the number in title and icon, a sound, a
 * notification. Settings of this browser, all in one place (the settings sheet).
 */
import { byId } from './dom.js';
import { isSaid } from './events.js';
import { area, get, put } from './storage.js';
import { strings } from './strings.js';

/** @typedef {import('./store.js').Store} Store */
/** @typedef {import('./types.js').Message} Message */

const KEY = 'confab.notices';
const QUIET_MS = 1_500; // between two sounds
const BODY_CHARS = 140;

/** @returns {{sound: boolean, show: boolean, rooms: boolean}} */
const settings = () => ({ sound: true, show: false, rooms: false, ...get(area.local, KEY) });

const canNotify = () => isSecureContext && 'Notification' in globalThis;
const mayNotify = () => canNotify() && Notification.permission === 'granted';

/** @param {'sound'|'show'|'rooms'} name */
const box = (name) => /** @type {HTMLInputElement} */ (byId(`notice-${name}`));

/** Once: the switches. A browser is asked for its leave only when the user turns it on. */
export function noticeSettings() {
    const show = () => {
        const now = settings();
        box('sound').checked = now.sound;
        box('rooms').checked = now.rooms;
        box('show').checked = now.show && mayNotify();
        box('show').disabled = !canNotify();
        const isDenied = canNotify() && Notification.permission === 'denied';
        byId('notice-note').textContent = !canNotify()
            ? strings.noticesNeedTls
            : isDenied ? strings.noticesDenied : '';
    };
    for (const name of /** @type {const} */ (['sound', 'show', 'rooms']))
        box(name).onchange = async () => {
            if (name === 'show' && box(name).checked) await Notification.requestPermission();
            put(area.local, KEY, { ...settings(), [name]: box(name).checked });
            show();
            if (name === 'sound' && box(name).checked) ring();
        };
    show();
}

/** @type {AudioContext|undefined} */
let audio;
let rangAt = -Infinity;

/** Two soft notes, made here. Before the user has touched the page a browser plays nothing. */
function ring() {
    const now = performance.now();
    const isAllowed = navigator.userActivation?.hasBeenActive ?? true;
    if (!isAllowed || typeof AudioContext === 'undefined' || now - rangAt < QUIET_MS) return;
    rangAt = now;
    audio ??= new AudioContext();
    void audio.resume();
    for (const [i, frequency] of [659.3, 880].entries()) {
        const at = audio.currentTime + 0.02 + i * 0.11;
        const tone = audio.createOscillator();
        const gain = audio.createGain();
        tone.frequency.value = frequency;
        gain.gain.setValueAtTime(0, at);
        gain.gain.linearRampToValueAtTime(0.12, at + 0.012);
        gain.gain.exponentialRampToValueAtTime(0.001, at + 0.35);
        tone.connect(gain).connect(audio.destination);
        tone.start(at);
        tone.stop(at + 0.4);
    }
}

export class Notices {
    /** @param {Store} store */
    constructor(store) {
        this.store = store;
        this.count = 0;
        this.showing = Promise.resolve(); // one after the other: of a place the last one stays
        this.link = /** @type {HTMLLinkElement} */ (document.querySelector('link[rel="icon"]'));
        store.on('batch', ({ batch }) => {
            this.#hear(batch.stream, batch.kind === 'live' ? batch.messages : (batch.live ?? []));
        });
    }

    /** @param {Set<import('./store.js').Topic>} topics */
    update(topics) {
        if (topics.has('active') || topics.has('streams')) this.#count(this.store.unread);
    }

    stop() {
        this.#count(0);
        document.title = strings.title;
    }

    /** @param {number} unread in title and icon */
    #count(unread) {
        document.title = strings.pageTitle(unread, this.store.current?.title ?? strings.title);
        if (unread === this.count) return;
        this.count = unread;
        this.link.href = unread ? badged(unread) : '/favicon.svg';
        // Only an installed page has a badge.
        const told = unread ? navigator.setAppBadge?.(unread) : navigator.clearAppBadge?.();
        told?.catch(() => {});
    }

    /** @param {string} stream @param {Message[]} messages */
    #hear(stream, messages) {
        const { me, active, looking } = this.store;
        const isSeen = stream === active && looking && document.visibilityState === 'visible';
        const { sound, show, rooms } = settings();
        const news = messages.filter(
            (message) =>
                message.user !== me &&
                isSaid(message) &&
                !message.deleted &&
                (rooms || stream.startsWith('@') || message.mentions?.includes(me)),
        );
        const last = news[news.length - 1];
        if (!last || isSeen) return;
        if (sound) ring();
        if (show && document.visibilityState === 'hidden' && mayNotify())
            this.showing = this.showing.then(() => this.#show(stream, last)).catch(() => {});
    }

    /** @param {string} stream @param {Message} message */
    async #show(stream, { user, content }) {
        const title = stream.startsWith('@') ? user : strings.mentionIn(user, stream);
        const body = content.slice(0, BODY_CHARS);
        const options = { body, tag: stream, icon: '/icons/192.png', data: { stream } };
        // The worker's can be clicked when this page is gone; on Android there are no others.
        const worker = await navigator.serviceWorker?.getRegistration();
        if (worker?.active) return worker.showNotification(title, options);
        const notification = new Notification(title, options);
        notification.onclick = () => {
            window.focus();
            this.store.show(stream);
            notification.close();
        };
    }
}

/** @param {number} unread @returns {string} the icon with the number on it */
function badged(unread) {
    const text = unread > 99 ? '99' : String(unread);
    const logo = byId('i-logo').innerHTML;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" color="#2f6f6b">\
<style>.logo-second{fill:#e2a65a}</style>${logo}<rect x="11" y="12" width="21" height="20" rx="9" \
fill="#c4362b"/><text x="21.5" y="27.5" font-family="sans-serif" font-weight="700" font-size="16" \
text-anchor="middle" fill="#fff">${text}</text></svg>`;
    return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
