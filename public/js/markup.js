/**
 * A small subset of Markdown: what a message's text means, as a tree of plain objects. It knows
 * nothing of a page. Whatever is not understood stays text; time is linear in the length.
 */

/**
 * @typedef {object} Part
 * @property {'strong'|'em'|'del'|'code'|'pre'|'blockquote'|'ul'|'li'|'a'|'place'|'file'} kind
 * @property {Tree} parts
 * @property {string} [href]   a: http or https. place: of a message, as #ROOM/SEQ
 * @property {boolean} [named] a: its text was chosen, so that the host has to be seen
 * @property {Attached} [file]
 * @typedef {(string|Part)[]} Tree
 *
 * @typedef {object} Attached  a file that was uploaded
 * @property {string} url
 * @property {string} name
 * @property {string} type
 * @property {number} size
 * @property {number} width  0: not a picture
 * @property {number} height
 *
 * @typedef {{quote: string, text: string, files: Attached[]}} Pieces
 */

const DEPTH_MOST = 4; // of what stands in each other
const SIDE_MOST = 20_000; // of a picture
const QUOTE_CHARS = 160;
const QUOTE_LINES = 4;
const FENCE = '```';
const QUOTED = /^>(?: |$)/;
const POINT = /^[-*] +(?=\S)/;
const FILE = /^\/files\/[\w-]{16,64}\/((?!\.{1,2}\?)[\w.~!*'()%-]{1,800})\?([\w%.=&+-]{1,300})$/;
const QUOTE_HEAD = /^> \[[^[\]\s]{1,128}\]\(#[^()\s/]{1,128}\/\d{1,16}\)$/;
const PLACE = /\[([^[\]\s]{1,128})\]\((#[^()\s/]{1,128}\/\d{1,16})\)/y;
const NAMED = /\[([^[\]\n]{1,200})\]\((https?:\/\/[^\s()<>]{1,2000})\)/iy;
const BARE = /https?:\/\/[^\s<>"'`]+/iy;
const SPECIAL = /[`*_~[h]/gi;
const INSIDE = /[\w\u00c0-\u024f]/; // of a word that takes no marks: a_b, 2**3
/** @type {Record<string, 'strong'|'em'|'del'>} */
const KINDS = { '**': 'strong', '*': 'em', _: 'em', '~~': 'del' };

/** @param {string} text @returns {Tree} */
export function parse(text) {
    return blocks(text.split('\n'), 0);
}

/**
 * @param {string} line @returns {Attached|null} the file whose address it is
 */
export function fileOf(line) {
    const [, name, query] = FILE.exec(line) ?? [];
    if (!name) return null;
    const fields = new URLSearchParams(query);
    const side = (/** @type {string} */ key) => {
        const value = Number(fields.get(key));
        return value >= 1 && value <= SIDE_MOST ? Math.floor(value) : 0;
    };
    try {
        return {
            url: line,
            name: decodeURIComponent(name),
            type: fields.get('type') ?? '',
            size: Number(fields.get('size')) || 0,
            width: side('w'),
            height: side('h'),
        };
    } catch {
        return null; // not UTF-8
    }
}

/** @param {string} content @returns {Pieces} what the composer has a place for each */
export function taken(content) {
    const lines = content.split('\n');
    let quoted = 0;
    if (QUOTE_HEAD.test(lines[0])) while (QUOTED.test(lines[quoted] ?? '')) quoted++;
    const quote = lines.splice(0, quoted).join('\n');
    const files = [];
    for (let file; (file = fileOf(lines[lines.length - 1] ?? '')); lines.pop()) files.unshift(file);
    return { quote, text: lines.join('\n'), files };
}

/** @param {Pieces} pieces @returns {string} */
export function joined({ quote, text, files }) {
    return [quote, text, ...files.map(({ url }) => url)].filter(Boolean).join('\n');
}

/**
 * @param {string} stream @param {{given: {seq: number}, message: {user: string, content: string}}} item
 * @returns {string} the lines that quote it, shortened
 */
export function quoteOf(stream, { given: { seq }, message: { user, content } }) {
    const { text, files } = taken(content);
    const words = [...(text.trim() || files[0]?.name || '')];
    const short = words.slice(0, QUOTE_CHARS).join('') + (words.length > QUOTE_CHARS ? '…' : '');
    const lines = short.split('\n').slice(0, QUOTE_LINES);
    return [`[${user}](#${stream}/${seq})`, ...lines].map((line) => `> ${line}`).join('\n');
}

/** @param {string[]} lines @param {number} depth @returns {Tree} */
function blocks(lines, depth) {
    /** @type {Tree} */
    const tree = [];
    const lastFence = lines.lastIndexOf(FENCE);
    /** @type {string[]} */
    let plain = [];
    const flush = (atEnd = false) => {
        // Empty lines beside a block are its margin.
        while (!atEnd && plain[plain.length - 1] === '') plain.pop();
        const from = tree.length ? plain.findIndex(Boolean) : 0;
        if (plain.length && from >= 0)
            for (const part of inline(plain.slice(from).join('\n'), depth)) tree.push(part);
        plain = [];
    };
    const run = (/** @type {number} */ from, /** @type {RegExp} */ mark) => {
        let to = from;
        while (to < lines.length && mark.test(lines[to])) to++;
        return lines.slice(from, to).map((line) => line.replace(mark, ''));
    };
    for (let i = 0; i < lines.length; i++) {
        const file = lines[i].startsWith('/files/') ? fileOf(lines[i]) : null;
        if (file) {
            flush();
            tree.push({ kind: 'file', parts: [], file });
        } else if (i < lastFence && lines[i].startsWith(FENCE) && !lines[i].includes('`', 3)) {
            flush();
            const end = lines.indexOf(FENCE, i + 1);
            tree.push({ kind: 'pre', parts: [lines.slice(i + 1, end).join('\n')] });
            i = end;
        } else if (depth < DEPTH_MOST && QUOTED.test(lines[i])) {
            flush();
            const inner = run(i, QUOTED);
            tree.push({ kind: 'blockquote', parts: blocks(inner, depth + 1) });
            i += inner.length - 1;
        } else if (POINT.test(lines[i])) {
            flush();
            const points = run(i, POINT);
            const parts = points.map((point) => item(point, depth + 1));
            tree.push({ kind: 'ul', parts });
            i += points.length - 1;
        } else {
            plain.push(lines[i]);
        }
    }
    flush(true);
    return tree;
}

/** @param {string} text @param {number} depth @returns {Part} */
function item(text, depth) {
    return { kind: 'li', parts: inline(text, depth) };
}

/**
 * Text and marks in turn. A mark that has found its other end knows it.
 * @typedef {{mark: string, other: number}} Mark  other: its index; -1: it is only text
 */

/** @param {string} text @param {number} depth @returns {Tree} */
function inline(text, depth) {
    const tokens = scan(text);
    pair(tokens);
    return nested(tokens, 0, tokens.length, depth);
}

/** @param {string} text @returns {(string|Part|Mark)[]} */
function scan(text) {
    /** @type {(string|Part|Mark)[]} */
    const tokens = [];
    let done = 0;
    let lineEnd = -1;
    const lastTick = text.lastIndexOf('`');
    const push = (/** @type {number} */ at, /** @type {Part|Mark} */ token, /** @type {number} */ length) => {
        if (at > done) tokens.push(text.slice(done, at));
        tokens.push(token);
        done = at + length;
        SPECIAL.lastIndex = done;
    };
    SPECIAL.lastIndex = 0;
    for (let match; (match = SPECIAL.exec(text)); ) {
        const { index: at } = match;
        const char = text[at];
        if (char === '`') {
            if (at > lineEnd) lineEnd = (text.indexOf('\n', at) + 1 || text.length + 1) - 1;
            const end = at < lastTick ? text.indexOf('`', at + 1) : -1;
            if (end > at + 1 && end < lineEnd)
                push(at, { kind: 'code', parts: [text.slice(at + 1, end)] }, end + 1 - at);
            else if (end === at + 1) SPECIAL.lastIndex = at + 2;
        } else if (char === '[') {
            const [part, length] = bracket(text, at);
            if (part) push(at, part, length);
        } else if (char === 'h' || char === 'H') {
            const [url, length] = INSIDE.test(text[at - 1] ?? '') ? ['', 0] : bare(text, at);
            if (url) push(at, { kind: 'a', href: url, parts: [url] }, url.length);
            else SPECIAL.lastIndex = at + length; // not read again
        } else {
            marks(text, at, push);
        }
        SPECIAL.lastIndex = Math.max(SPECIAL.lastIndex, at + 1);
    }
    if (done < text.length) tokens.push(text.slice(done));
    return tokens;
}

/**
 * @param {string} text @param {number} at of the first mark of a run
 * @param {(at: number, mark: Mark & {opens: boolean, closes: boolean}, length: number) => void} push
 */
function marks(text, at, push) {
    const char = text[at];
    let end = at;
    while (text[end] === char) end++;
    const length = end - at;
    const [before, after] = [text[at - 1] ?? ' ', text[end] ?? ' '];
    const opens = !/\s/.test(after) && !INSIDE.test(before);
    const closes = !/\s/.test(before) && !INSIDE.test(after);
    const fits = char === '~' ? length === 2 : char === '_' ? length === 1 : length <= 3;
    if (fits && (opens || closes)) {
        const wide = length > 1 ? char + char : char;
        // Of three the two stand outside: **_both_**.
        const both = closes && !opens ? [char, wide] : [wide, char];
        for (const mark of length === 3 ? both : [wide]) {
            push(at, { mark, other: -1, opens, closes }, mark.length);
            at += mark.length;
        }
    }
    SPECIAL.lastIndex = end;
}

/** @param {string} text @param {number} at @returns {[Part|null, number]} a link with a text */
function bracket(text, at) {
    PLACE.lastIndex = NAMED.lastIndex = at;
    const place = PLACE.exec(text);
    if (place) return [{ kind: 'place', href: place[2], parts: [place[1]] }, place[0].length];
    const named = NAMED.exec(text);
    if (!named || !parses(named[2])) return [null, 0];
    return [{ kind: 'a', href: named[2], named: true, parts: [named[1]] }, named[0].length];
}

/**
 * @param {string} text @param {number} at
 * @returns {[string, number]} an address that begins there, or ""; how much was looked at
 */
function bare(text, at) {
    BARE.lastIndex = at;
    const [found = ''] = BARE.exec(text) ?? [];
    const url = trimmed(found);
    return [url && parses(url) ? url : '', found.length];
}

/** @param {string} url with what people write after it @returns {string} without that */
function trimmed(url) {
    const count = (/** @type {string} */ char) => url.split(char).length - 1;
    const over = { ')': count(')') - count('('), ']': count(']') - count('[') };
    let end = url.length;
    for (; end > 0; end--) {
        const last = url[end - 1];
        if ((last === ')' || last === ']') && over[last] > 0) over[last]--;
        else if (!'.,;:!?*_~…'.includes(last)) break;
    }
    return url.slice(0, end);
}

/** @param {string} url */
function parses(url) {
    try {
        return Boolean(new URL(url));
    } catch {
        return false;
    }
}

/** @param {(string|Part|Mark)[]} tokens Finds the two ends of what is marked; none cross. */
function pair(tokens) {
    /** @type {number[]} of marks that wait for their other end */
    const open = [];
    /** @type {Record<string, number>} how many of each */
    let waiting = {};
    tokens.forEach((token, i) => {
        if (typeof token === 'string' && token.includes('\n')) {
            open.length = 0; // they end with their line
            waiting = {};
        }
        if (typeof token === 'string' || !('mark' in token)) return;
        const { mark, opens, closes } = /** @type {any} */ (token);
        if (closes && waiting[mark]) {
            for (let at; (at = open.pop()) !== undefined; ) {
                const start = /** @type {Mark} */ (tokens[at]);
                waiting[start.mark]--;
                if (start.mark !== mark) continue;
                [start.other, token.other] = [i, at];
                break;
            }
        } else if (opens) {
            open.push(i);
            waiting[mark] = (waiting[mark] ?? 0) + 1;
        }
    });
}

/**
 * @param {(string|Part|Mark)[]} tokens @param {number} from @param {number} to
 * @param {number} depth @returns {Tree}
 */
function nested(tokens, from, to, depth) {
    /** @type {Tree} */
    const tree = [];
    const say = (/** @type {string} */ text) => {
        const last = tree.length - 1;
        if (typeof tree[last] === 'string') tree[last] += text;
        else tree.push(text);
    };
    for (let i = from; i < to; i++) {
        const token = tokens[i];
        if (typeof token === 'string') say(token);
        else if (!('mark' in token)) tree.push(token);
        else if (token.other > i && depth < DEPTH_MOST) {
            const parts = nested(tokens, i + 1, token.other, depth + 1);
            tree.push({ kind: KINDS[token.mark], parts });
            i = token.other;
        } else say(token.mark);
    }
    return tree;
}
