/** Small helpers around the DOM. Text goes in as text nodes, never as markup. */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string|boolean|number>} [attributes] true: present; false: left out
 * @param {...(Node|string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (value === false) continue;
        element.setAttribute(name, value === true ? '' : String(value));
    }
    element.append(...children);
    return element;
}

/** @param {string} name of a symbol in index.html */
export function icon(name) {
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('class', 'icon');
    svg.setAttribute('aria-hidden', 'true');
    const use = document.createElementNS(SVG, 'use');
    use.setAttribute('href', `#i-${name}`);
    svg.append(use);
    return svg;
}

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T} the element of index.html, which must exist
 */
export function byId(id) {
    const element = document.getElementById(id);
    if (!element) throw new Error(`index.html lacks #${id}`);
    return /** @type {T} */ (element);
}

/** @param {string} name @returns {HTMLElement} a coloured disc with the first letter */
export function avatar(name) {
    let hash = 2166136261; // FNV-1a
    for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16777619);
    const letter = [...name][0]?.toLocaleUpperCase() ?? '?';
    return make(
        'span',
        { class: `avatar hue-${(hash >>> 13) % 8}`, 'aria-hidden': 'true' },
        letter,
    );
}

/**
 * Makes the children of a list those of `items`, keeping the elements (and so the focus) of
 * items that stay.
 * @template T
 * @param {HTMLElement} list
 * @param {T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => HTMLElement} create
 * @param {(element: HTMLElement, item: T) => void} update
 */
export function keyed(list, items, keyOf, create, update) {
    const wanted = new Set(items.map(keyOf));
    /** @type {Map<string|undefined, HTMLElement>} */
    const old = new Map();
    for (const child of [...list.children]) {
        const element = /** @type {HTMLElement} */ (child);
        if (wanted.has(element.dataset.key ?? '')) old.set(element.dataset.key, element);
        else element.remove();
    }
    let at = list.firstElementChild;
    for (const item of items) {
        const key = keyOf(item);
        const element = old.get(key) ?? create(item);
        element.dataset.key = key;
        update(element, item);
        if (element === at) at = at.nextElementSibling;
        else list.insertBefore(element, at);
    }
}

/** @param {string} text for screen readers, once */
export function announce(text) {
    byId('live').textContent = text;
}

const LINK = /\bhttps?:\/\/[^\s<>"'`]+/giu;

/** @param {string} url with what people write after it @returns {string} without that */
function trimmed(url) {
    let end = url.length;
    for (; end > 0; end--) {
        const last = url[end - 1];
        if ('.,;:!?*_~…'.includes(last)) continue;
        const body = url.slice(0, end);
        const opens = last === ')' ? '(' : last === ']' ? '[' : '';
        if (opens && body.split(opens).length < body.split(last).length) continue;
        break;
    }
    return url.slice(0, end);
}

/**
 * @param {string} text @param {string} [me]
 * @returns {(Node|string)[]} with http links as anchors, and `@me` marked
 */
export function linked(text, me = '') {
    /** @type {(Node|string)[]} */
    const parts = [];
    let done = 0;
    for (const match of text.matchAll(LINK)) {
        const url = trimmed(match[0]);
        if (!parses(url)) continue;
        parts.push(...called(text.slice(done, match.index), me));
        parts.push(
            make('a', { href: url, target: '_blank', rel: 'noopener noreferrer nofollow' }, url),
        );
        done = match.index + url.length;
    }
    parts.push(...called(text.slice(done), me));
    return parts;
}

/** @param {string} text @param {string} me @returns {(Node|string)[]} */
function called(text, me) {
    if (!me) return [text];
    const at = `@${me.replace(/[.]/g, '\\.')}(?![\\p{L}\\p{M}\\p{Nd}_-])`;
    const pieces = text.normalize('NFC').split(new RegExp(`(${at})`, 'u'));
    return pieces.map((piece, i) => (i % 2 ? make('mark', { class: 'call' }, piece) : piece));
}

/** @param {string} url */
function parses(url) {
    try {
        return Boolean(new URL(url));
    } catch {
        return false;
    }
}
