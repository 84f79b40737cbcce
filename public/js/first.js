/**
 * Before anything is painted: the language with its direction, and the colours. A plain script,
 * since a module would run after the first picture. Settings are views/settings.js.
 *
 * For a guest who is known here it connects as well: the first messages are under way while the
 * rest of the page is. Connection takes the socket over when it would say the same.
 */
(() => {
    const DIRECTIONS = { en: 'ltr', de: 'ltr' };
    const root = document.documentElement;
    /** @param {string} name @returns {string} what was chosen; "" for what the system says */
    const chosen = (name) => {
        try {
            return JSON.parse(localStorage.getItem(`confab.${name}`) ?? '""');
        } catch {
            return ''; // where a browser keeps nothing for this site
        }
    };

    const wanted = [chosen('language'), ...navigator.languages.map((one) => one.split('-')[0])];
    const found = wanted.find((one) => Object.hasOwn(DIRECTIONS, one)) ?? 'en';
    root.lang = found;
    root.dir = DIRECTIONS[/** @type {keyof typeof DIRECTIONS} */ (found)];
    const texts = Object.assign(document.createElement('link'), {
        rel: 'modulepreload', // strings.js asks for it late
        href: `/js/strings/${found}.js`,
    });
    const isAlone = document.currentScript?.hasAttribute('src'); // else all is in the page
    if (isAlone) document.head.append(texts);

    const dark = matchMedia('(prefers-color-scheme: dark)');
    const contrast = matchMedia('(prefers-contrast: more)');
    const paint = () => {
        root.dataset.theme = chosen('theme') || (dark.matches ? 'dark' : 'light');
        const meta = document.querySelector('meta[name="theme-color"]');
        meta?.setAttribute('content', root.dataset.theme === 'dark' ? '#15191b' : '#f1efe9');
        root.dataset.contrast = chosen('contrast') || (contrast.matches ? 'more' : 'normal');
    };
    for (const query of [dark, contrast]) query.addEventListener('change', paint);
    addEventListener('storage', paint); // another tab chose
    addEventListener('confab-look', paint); // this one did
    paint();

    /** @param {() => Storage} area @param {string} name */
    const kept = (area, name) => JSON.parse(area().getItem(`confab.${name}`) ?? 'null');
    const local = () => localStorage;
    const connect = () => {
        const place = decodeURIComponent(location.hash.slice(1)).normalize('NFC');
        const user = kept(() => sessionStorage, 'user') ?? kept(local, 'user');
        const session = kept(local, 'session');
        if (!user?.entered || !user.name || !/^[\w-]{1,64}$/.test(session)) return;
        if (kept(local, 'account')) return; // its token has to be fetched first
        if (/[=/]|^@/.test(place)) return; // an invitation, a message or a person
        const username = String(user.name).normalize('NFC');
        const room = place || (kept(local, `rooms.${username}`)?.[0] ?? 'general');
        const hello = { type: 'hello', username, resume: {}, caps: ['away'], room, session };
        const query = new URLSearchParams({ username, room, caps: 'away' });
        const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws?${query}`, [
            'confab.v1',
            `confab.session.${session}`, // not in the address, which proxies write down
        ]);
        const opened = {
            socket,
            hello: JSON.stringify(hello),
            frames: /** @type {unknown[]} */ ([]),
        };
        socket.onmessage = ({ data }) => opened.frames.push(data);
        Object.assign(globalThis, { opened });
        root.dataset.known = '';
    };
    try {
        connect();
    } catch {
        // nothing is kept for this site, or not as it should be: the page itself will see to it
    }

    // The first of these makes the browser look up all that it knows about dates. Nothing else is
    // to be done now but to wait for the rest of the page.
    const region = navigator.languages.find((one) => one.split('-')[0] === found);
    setTimeout(() => new Intl.DateTimeFormat(region ?? found, { hour: '2-digit' }));
})();
