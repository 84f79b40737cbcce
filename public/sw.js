/**
 * The service worker: the page without a network, and what other apps share with it.
 *
 * A load asks for one small file, /assets.txt, which names the ETag of each file of the page.
 * When it is the known one, all comes from the cache of that version; when not, the new version
 * is fetched first, those files that changed. So a page is always of one version, and never an
 * old one while the server answers. Without an answer it is the last one. Only what the list
 * names is kept: nothing of /api, /ws or /files.
 */
const LIST = '/assets.txt';
const ANSWER_MS = 3_000; // a network that takes longer counts as none
/** For other programs, and for those who do not trust the certificate yet. */
const FOR_OTHERS = ['/openapi.json', '/js/package.json', '/js/types.js'];
const NOT_KEPT = [...FOR_OTHERS, '/ca.html', '/js/ca.js', '/css/ca.css', '/sw.js'];
const SHELL = 'shell ';
const SHARE = 'share';
const SHARED_CHARS = 100_000;
const SHARED_FILES = 5;
const SHARED_BYTES = 1 << 30; // no server takes more (FILE_MAX_KB)

/** @type {Map<string, string>} the cache that a client was started from */
const startedFrom = new Map();
/** @type {Promise<string>|null} */
let renewing = null;

/** @param {string} text @returns {Map<string, string>} path → ETag */
const parse = (text) =>
    new Map(
        text
            .split('\n')
            .map((line) => line.split(' '))
            .filter(([, path]) => path && !NOT_KEPT.includes(path))
            .map(([etag, path]) => [path, etag]),
    );

const newest = async () => (await caches.keys()).filter((key) => key.startsWith(SHELL)).pop();

/** Fills a cache with all files of a version. @returns {Promise<string>} its name */
async function fill(name, list) {
    const old = await newest();
    const before = old && (await caches.open(old));
    const files = await Promise.all(
        [...list].map(async ([path, etag]) => {
            const known = await before?.match(path);
            if (known?.headers.get('etag') === etag) return [path, known];
            const address = path === '/index.html' ? '/' : path; // as the browser has it already
            const file = await fetch(address, { cache: 'no-cache' });
            if (!file.ok || file.headers.get('etag') !== etag) throw new Error(`changed: ${path}`);
            return [path, file];
        }),
    );
    const cache = await caches.open(name); // only now: a cache is whole or not there
    try {
        await Promise.all(files.map(([path, file]) => cache.put(path, file)));
    } catch (error) {
        await caches.delete(name); // the disk is full
        throw error;
    }
    return name;
}

/** @returns {Promise<string>} the cache of the version that the server has now */
async function renew() {
    const answer = await fetch(LIST, { cache: 'no-cache', signal: AbortSignal.timeout(ANSWER_MS) });
    if (!answer.ok) throw new Error(`${LIST}: ${answer.status}`);
    const name = SHELL + answer.headers.get('etag');
    if (await caches.has(name)) return name;
    return fill(name, parse(await answer.text()));
}

/** One at a time. */
function renewed() {
    renewing ??= renew().finally(() => (renewing = null));
    return renewing;
}

/** @param {FetchEvent} event */
async function page(event) {
    let name;
    try {
        name = await renewed();
    } catch {
        name = await newest(); // no server: the last version
    }
    const found = name && (await (await caches.open(name)).match('/index.html'));
    if (!found) return fetch(event.request);
    startedFrom.set(event.resultingClientId, name);
    event.waitUntil(tidy(name));
    return found;
}

/** Drops the versions that no page uses. @param {string} kept */
async function tidy(kept) {
    const open = await self.clients.matchAll({ includeUncontrolled: true, type: 'window' });
    if (open.length > 1) return; // others may be of an older version
    for (const key of await caches.keys())
        if (key.startsWith(SHELL) && key !== kept) await caches.delete(key);
}

/** @param {FetchEvent} event @param {string} path */
async function file(event, path) {
    const name = startedFrom.get(event.clientId) ?? (await newest());
    const found = name && (await (await caches.open(name)).match(path));
    return found || fetch(event.request);
}

/**
 * What another app shares waits in a cache for the page (install.js): one entry for the text, one
 * for each file. One file more than a message takes is kept, so that the page says so.
 * @param {Request} request
 */
async function share(request) {
    await caches.delete(SHARE); // what nobody wanted
    try {
        const form = await request.formData();
        const text = ['title', 'text', 'url'].map((name) => form.get(name)).filter(Boolean);
        const cache = await caches.open(SHARE);
        const said = [...new Set(text)].join('\n').slice(0, SHARED_CHARS);
        if (said) await cache.put('/share/text', new Response(said));
        const files = form.getAll('files').filter((one) => typeof one !== 'string');
        for (const [i, one] of files.slice(0, SHARED_FILES).entries()) {
            const headers = { 'content-type': one.type, 'x-name': encodeURIComponent(one.name) };
            const lost = { ...headers, 'x-lost': '1' };
            const put = (body, more) => cache.put(`/share/file/${i}`, new Response(body, { headers: more }));
            if (one.size > SHARED_BYTES) await put('', lost);
            else await put(one, headers).catch(() => put('', lost)); // the disk is full
        }
    } catch {
        // It was no form, or nothing can be kept: the page opens as it is.
    }
    return Response.redirect('/', 303);
}

self.addEventListener('install', (event) => {
    self.skipWaiting();
    event.waitUntil(renewed());
});
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (event) => {
    const { request } = event;
    const { origin, pathname } = new URL(request.url);
    if (origin !== location.origin || /^\/(api|ws|files|ca)(\/|$)/.test(pathname)) return;
    if (request.method === 'POST' && pathname === '/share') event.respondWith(share(request));
    if (request.method !== 'GET' || NOT_KEPT.includes(pathname) || pathname === LIST) return;
    if (pathname === '/' || pathname === '/index.html') event.respondWith(page(event));
    else if (request.mode !== 'navigate') event.respondWith(file(event, pathname));
});
/** There is a network again: pages that sleep send what waits in them. */
self.addEventListener('sync', (event) => {
    const wake = async () => {
        for (const client of await self.clients.matchAll({ type: 'window' })) client.postMessage('wake');
    };
    event.waitUntil(wake());
});
/** A click on a notification leads to its place: in a page that is open, else in a new one. */
self.addEventListener('notificationclick', (event) => {
    const { notification } = event;
    const { stream } = notification.data ?? {};
    const show = async () => {
        const [page] = await self.clients.matchAll({ type: 'window' });
        if (!page) return self.clients.openWindow(`/#${encodeURIComponent(stream)}`);
        page.postMessage({ show: stream });
        await page.focus().catch(() => {}); // the browser has the last word
    };
    notification.close();
    event.waitUntil(show());
});
