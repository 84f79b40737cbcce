/**
 * Before anything is painted: the language with its direction, and the colours. A plain script,
 * since a module would run after the first picture. Settings are views/settings.js.
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
    document.head.append(texts);

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
})();
