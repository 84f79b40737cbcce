/** What an installed page can do besides; all of it needs a secure context (TLS or localhost). */

const worker = () => (isSecureContext ? navigator.serviceWorker : undefined);
let isRegistered = false;

/**
 * What the worker says.
 * @param {() => void} wake the network is back: it saw it first
 * @param {(stream: string) => void} show a notification about this place was clicked
 */
export function listen(wake, show) {
    worker()?.addEventListener('message', ({ data }) => {
        if (data === 'wake') wake();
        else if (data?.show) show(data.show);
    });
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

/**
 * What another app shared, as sw.js keeps it; each is given once, to one page.
 * @param {'text'|'file'} kind
 * @returns {Promise<{blob: Blob, name: string, type: string, isLost: boolean}[]>} the name is that
 *   of a file; lost: it was too large to be kept
 */
export async function takeShared(kind) {
    if (!isSecureContext || !('caches' in globalThis) || !(await caches.has('share'))) return [];
    const cache = await caches.open('share');
    const found = [];
    for (const request of await cache.keys()) {
        const answer = new URL(request.url).pathname.startsWith(`/share/${kind}`) && (await cache.match(request));
        if (!answer) continue;
        const { headers } = answer;
        const blob = await answer.blob();
        if (!(await cache.delete(request))) continue; // another page was first
        const name = decodeURIComponent(headers.get('x-name') ?? '');
        found.push({ blob, name, type: headers.get('content-type') ?? '', isLost: headers.has('x-lost') });
    }
    return found;
}
