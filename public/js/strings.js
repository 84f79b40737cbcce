/** The texts of the page, in the language that first.js chose. They are in strings/. */

const languages = {
    de: () => import('./strings/de.js'),
    en: () => import('./strings/en.js'),
};
const language = globalThis.document?.documentElement.lang || 'en';
const load = languages[/** @type {keyof typeof languages} */ (language)];
const { strings } = /** @type {typeof import('./strings/en.js')} */ (await load());
export { strings };

/** What an element of index.html names by a key, and where the text goes. */
const PLACES = { t: '', label: 'aria-label', hint: 'placeholder', title: 'title' };

/** Gives index.html its texts; it has none of its own, so none is seen in the wrong language. */
export function translate() {
    const texts = /** @type {Record<string, string>} */ (strings.page);
    for (const [name, attribute] of Object.entries(PLACES))
        for (const one of document.querySelectorAll(`[data-${name}]`)) {
            const element = /** @type {HTMLElement} */ (one);
            const text = texts[element.dataset[name] ?? ''] ?? '';
            if (attribute) element.setAttribute(attribute, text);
            else element.textContent = text;
        }
}
