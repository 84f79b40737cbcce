/** What a message says, as elements: marked text, links, quotes, pictures and file cards. */
import { icon, make } from '../dom.js';
import { parse } from '../markup.js';
import { strings } from '../strings.js';

/** @typedef {import('../markup.js').Part} Part */
/** @typedef {import('../markup.js').Tree} Tree */
/** @typedef {import('../markup.js').Attached} Attached */

const SHOWN = ['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/avif'];
const WIDTH_MOST = 320;
const HEIGHT_MOST = 360;
const FEW = 40; // characters: longer ones are not only emoji
const EMOJI_ONLY = /^(?:[\p{Extended_Pictographic}\p{Emoji_Modifier}\u200d\ufe0f\u20e3]|[\d#*](?=\ufe0f)|\s)+$/u;

/** @param {string} content @param {string} [me] whose name is marked in it */
export function bubble(content, me = '') {
    const big = content.length < FEW && EMOJI_ONLY.test(content) ? ' big' : '';
    return make('div', { class: `bubble${big}`, dir: 'auto' }, ...nodes(parse(content), me));
}

/** @param {Tree} tree @param {string} me @returns {(Node|string)[]} */
function nodes(tree, me) {
    return tree.flatMap((part) => (typeof part === 'string' ? called(part, me) : [node(part, me)]));
}

/** @param {Part} part @param {string} me @returns {Node} */
function node({ kind, parts, href = '', named, file }, me) {
    if (kind === 'file' && file) return attached(file);
    const inner = nodes(parts, kind === 'code' || kind === 'pre' ? '' : me);
    if (kind === 'place') return make('a', { href, class: 'to-message' }, make('bdi', {}, ...inner));
    if (kind === 'pre')
        return make('pre', { tabindex: '0', dir: 'ltr' }, make('code', {}, ...inner));
    if (kind !== 'a') return make(/** @type {'b'} */ (kind), {}, ...inner);
    const link = make('a', { href, target: '_blank', rel: 'noopener noreferrer nofollow' }, ...inner);
    if (named) link.append(make('span', { class: 'host' }, ` (${new URL(href).host})`));
    return link;
}

/** @param {string} text @param {string} me @returns {(Node|string)[]} with `@me` marked */
function called(text, me) {
    if (!me) return [text];
    const at = `@${me.replace(/[.]/g, '\\.')}(?![\\p{L}\\p{M}\\p{Nd}_-])`;
    const pieces = text.normalize('NFC').split(new RegExp(`(${at})`, 'u'));
    return pieces.map((piece, i) => (i % 2 ? make('mark', { class: 'call' }, piece) : piece));
}

/** @param {Attached} file */
export const isPicture = ({ type, width, height }) => SHOWN.includes(type) && width * height > 0;

/** @param {Attached} file @returns {HTMLElement} */
function attached(file) {
    if (!isPicture(file)) return card(file);
    const { url, name, width, height } = file;
    const scale = Math.min(1, WIDTH_MOST / width, HEIGHT_MOST / height);
    const [w, h] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
    // Its place is there before it is.
    const image = make('img', { src: url, alt: name, width: w, height: h, loading: 'lazy' });
    image.decoding = 'async';
    const link = make('a', { href: url, class: 'picture', title: name }, image);
    image.onerror = () => link.replaceWith(card(file));
    return link;
}

/** @param {Attached} file @returns {HTMLElement} */
function card({ url, name, size }) {
    return make(
        'a',
        { href: url, download: name, class: 'file-card' },
        icon('file'),
        make(
            'span',
            { class: 'file-text' },
            make('bdi', { class: 'file-name' }, name),
            make('span', { class: 'file-size' }, strings.fileSize(size)),
        ),
    );
}
