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

/** @param {string} name of the icon @param {string} label @param {string} kind classes */
export function iconButton(name, label, kind) {
    const about = { type: 'button', class: kind, 'aria-label': label, title: label };
    return make('button', about, icon(name));
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
