/** What an installed page can do besides; all of it needs a secure context (TLS or localhost). */

const worker = () => (isSecureContext ? navigator.serviceWorker : undefined);
let isRegistered = false;

/** @param {() => void} wake the network is back, says a worker that saw it first */
export function listen(wake) {
    worker()?.addEventListener('message', ({ data }) => data === 'wake' && wake());
}

/** Call it when the page is shown: the worker fetches what the page may need later. */
export function register() {
    if (isRegistered) return;
    isRegistered = true;
    worker()
        ?.register('/sw.js')
        .catch(() => {}); // a private window, or an untrusted certificate: it works without
}

/** Asks for a word when the network is back, where a browser gives one. */
export async function awaitNetwork() {
    if (!navigator.serviceWorker?.controller) return;
    const { sync } = /** @type {any} */ (await navigator.serviceWorker.ready);
    await sync?.register('outbox').catch(() => {});
}

/** @returns {Promise<{text: string, files: File[]}>} what another app shared; it is given once */
export async function takeShared() {
    /** @type {File[]} */
    const files = [];
    let text = '';
    if (!isSecureContext || !('caches' in globalThis) || !(await caches.has('share')))
        return { text, files };
    const cache = await caches.open('share');
    for (const request of await cache.keys()) {
        const answer = /** @type {Response} */ (await cache.match(request));
        const name = decodeURIComponent(answer.headers.get('x-name') ?? '');
        const type = answer.headers.get('content-type') ?? '';
        if (request.url.endsWith('/text')) text = await answer.text();
        else files.push(new File([await answer.blob()], name, { type }));
    }
    await caches.delete('share');
    return { text, files };
}
