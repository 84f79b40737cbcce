/** The page about the certificate: shows the steps of this device, and goes on to the chat as soon
 * as the certificate is trusted. */

const AGAIN_MS = 2000;
const root = document.documentElement;
const there = `https://${location.host}/`;

const language = navigator.language.startsWith('de') ? 'de' : 'en';
root.lang = root.dataset.chosen = language;

/** @returns {string} the name of the steps in ca.html */
function system() {
    const agent = navigator.userAgent;
    if (/Firefox/.test(agent) && !/Android/.test(agent)) return 'firefox';
    if (/Android/.test(agent)) return 'android';
    if (/iPhone|iPad/.test(agent) || (/Mac/.test(agent) && navigator.maxTouchPoints > 1))
        return 'ios';
    if (/Windows/.test(agent)) return 'windows';
    return /Mac/.test(agent) ? 'mac' : 'linux';
}

/** @param {'waits' | 'done'} what */
function say(what) {
    root.classList.toggle('trusted', what === 'done');
    for (const state of document.querySelectorAll('.state')) {
        const text = /** @type {HTMLElement} */ (state).dataset[what] ?? '';
        if (state.textContent !== text) state.textContent = text;
    }
}

/** A style sheet, as browsers hide JSON of another origin even from such a look. */
function isTrusted() {
    return fetch(`${there}css/ca.css`, { mode: 'no-cors', cache: 'no-store' }).then(
        () => true,
        () => false,
    );
}

/** @returns {Promise<string>} this page as other devices reach it */
async function fromAfar() {
    const here = `http://${location.host}/ca`;
    if (!/^(localhost$|127\.|\[::1\]$)/.test(location.hostname)) return here;
    const { urls } = await fetch('/api/v1/addresses').then((answer) => answer.json());
    return urls.length > 0 ? `${urls[0]}ca` : here;
}

async function look() {
    if (document.visibilityState === 'visible' && (await isTrusted())) {
        say('done');
        location.replace(there + location.search + location.hash);
        return;
    }
    setTimeout(look, AGAIN_MS);
}

for (const steps of document.querySelectorAll(`[data-os="${system()}"]`))
    steps.setAttribute('open', '');
for (const link of document.querySelectorAll('.go'))
    /** @type {HTMLAnchorElement} */ (link).href = there + location.search + location.hash;
if (system() === 'ios')
    for (const link of document.querySelectorAll('.button'))
        /** @type {HTMLAnchorElement} */ (link).href = '/ca.mobileconfig';
for (const image of document.querySelectorAll('figure img'))
    fromAfar().then((url) => {
        /** @type {HTMLImageElement} */ (image).src = `/api/v1/qr.svg?url=${encodeURIComponent(url)}`;
    });

if (location.protocol === 'https:') {
    say('done');
} else {
    say('waits');
    look();
}
