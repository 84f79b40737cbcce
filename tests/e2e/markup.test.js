/** What a message's text means: the tree that the page is built from. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileOf, joined, parse, taken } from '../../public/js/markup.js';

/** The tree in a short form: `strong(a em(b))`. */
function short(tree) {
    return tree
        .map((part) => {
            if (typeof part === 'string') return part;
            const { kind, href, named, file, parts } = part;
            if (file) return `file(${file.name})`;
            const target = kind === 'place' || named ? `${href} ` : '';
            return `${kind}(${target}${short(parts)})`;
        })
        .join('');
}

/** All text of a tree, and how deep it is. */
const textOf = (tree) => tree.map((part) => (typeof part === 'string' ? part : textOf(part.parts))).join('');
const depthOf = (tree) => Math.max(0, ...tree.map((part) => (part.parts ? 1 + depthOf(part.parts) : 0)));

const check = (cases) => {
    for (const [text, wanted] of cases) assert.equal(short(parse(text)), wanted, text);
};

test('marks have meaning in pairs, around words', () => {
    check([
        ['**bold** and *italic* and _too_', 'strong(bold) and em(italic) and em(too)'],
        ['~~gone~~ `code *as is*`', 'del(gone) code(code *as is*)'],
        ['***both***', 'strong(em(both))'],
        ['**a _b_ c**', 'strong(a em(b) c)'],
        ['(*aside*), **no. 1**!', '(em(aside)), strong(no. 1)!'],
        ['这是**粗体**字', '这是strong(粗体)字'],
    ]);
});

test('what people write for other reasons stays as it is', () => {
    for (const text of [
        '2 * 3 * 4', 'a*b*c', '2**3**4', 'snake_case_name', '__init__', '*.c and *.h', '/* why */',
        '~ about ~', '****', '**', '`', '``', '`one\ntwo`', '*one\ntwo*', '** x **', '>_<', '>>> 1 + 1',
        '-5 degrees', '- ', '```', '```\nnever closed', '[x]', '[x](javascript:alert(1))', '[x](//host)',
        '[x](data:text/html,1)', 'javascript:alert(1)', 'ahttp://x', 'http://', '<b>not markup</b>', '&amp;',
        '[x](#room)', '[x y](#room/1)', '# title', '<img src=x onerror=alert(1)>', '*', '', '\n\n',
    ])
        assert.deepEqual([short(parse(text)), depthOf(parse(text))], [text, 0], text);
});

test('marks that cross or are left over lose nothing', () => {
    check([
        ['**a *b** c*', 'strong(a *b) c*'],
        ['*a **b*', 'em(a **b)'],
        ['**a', '**a'],
        ['`**a` b**', 'code(**a) b**'],
    ]);
});

test('links are http and https, end before what ends the sentence, and say their host', () => {
    check([
        ['see https://a.test/x_y_z.', 'see a(https://a.test/x_y_z).'],
        ['(https://a.test/b_(c))', '(a(https://a.test/b_(c)))'],
        ['**https://a.test/**', 'strong(a(https://a.test/))'],
        ['[the *notes*](https://a.test/n)', 'a(https://a.test/n the *notes*)'],
        ['HTTP://A.TEST/', 'a(HTTP://A.TEST/)'],
        ['https://[x https://a.test', 'https://[x a(https://a.test)'],
    ]);
});

test('quotes, lists and code stand in lines of their own', () => {
    check([
        ['> a\n> **b**\nc', 'blockquote(a\nstrong(b))c'],
        ['a\n\n> b\n\nc', 'ablockquote(b)c'],
        ['- a\n- *b*\n* c', 'ul(li(a)li(em(b))li(c))'],
        ['x\n```js\n**a**\n\n- b\n```\ny', 'xpre(**a**\n\n- b)y'],
        ['> - a\n> > b', 'blockquote(ul(li(a))blockquote(b))'],
        ['> [bob](#room/7)\n> hello\nyes', 'blockquote(place(#room/7 bob)\nhello)yes'],
        ['> [bob](#@bob/7)\n> hello', 'blockquote(place(#@bob/7 bob)\nhello)'],
    ]);
});

const ID = 'Zm9vYmFyMTIzNDU2Nzg5MA';
const PICTURE = `/files/${ID}/a%20b.jpg?type=image%2Fjpeg&size=1234&w=80&h=60`;

test('the address of a file is a file, on a line of its own', () => {
    const { url, ...file } = fileOf(PICTURE);
    assert.equal(url, PICTURE);
    assert.deepEqual(file, { name: 'a b.jpg', type: 'image/jpeg', size: 1234, width: 80, height: 60 });
    check([[`look\n${PICTURE}`, 'lookfile(a b.jpg)']]);
    assert.equal(fileOf(`/files/${ID}/x?type=a&w=1e9&h=-1`).width, 0);
    for (const bad of [
        `see ${PICTURE}`, `${PICTURE} `, `/files/${ID}/..?type=a`, `/files/${ID}/a/b?type=a`, `/files/../x?type=a`,
        `/files/${ID}/%ff?type=a`, `/files/${ID}/a\\b?type=a`, `https://a.test${PICTURE} x`, `/files/${ID}/x`,
    ])
        assert.equal(fileOf(bad), null, bad);
});

test('a message is taken apart for the composer, and put together again', () => {
    const content = `> [bob](#room/7)\n> hello\nyes\n\n> no\n${PICTURE}\n${PICTURE}`;
    const pieces = taken(content);
    assert.equal(pieces.quote, '> [bob](#room/7)\n> hello');
    assert.equal(pieces.text, 'yes\n\n> no');
    assert.equal(pieces.files.length, 2);
    assert.equal(joined(pieces), content);
    assert.deepEqual(taken('> mine\nx'), { quote: '', text: '> mine\nx', files: [] });
    assert.equal(joined(taken(PICTURE)), PICTURE);
});

/** Pseudo-random, so that a failure can be repeated. */
function* numbers(seed) {
    for (let x = seed; ; ) {
        x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
        yield x / 2 ** 32;
    }
}

test('no input is lost, nests too deep or becomes anything else than text', () => {
    const bits = ['*', '**', '_', '~~', '`', '```', '\n', '> ', '- ', '[', ']', '(', ')', 'http://', 'x', ' ',
        '](https://a.b', '<script>', '\u202e', '\ud83d', PICTURE];
    const next = numbers(7);
    for (let round = 0; round < 5_000; round++) {
        const length = 1 + Math.floor(next.next().value * 40);
        const text = Array.from({ length }, () => bits[Math.floor(next.next().value * bits.length)]).join('');
        const tree = parse(text);
        assert.ok(depthOf(tree) <= 6, text); // four, and a list with its points
        const words = (s) => s.replace(/[^x<script]/gu, '');
        const urls = [];
        const collect = (parts) => parts.forEach((part) => {
            if (typeof part === 'string') return;
            if (part.href && part.kind === 'a') urls.push(part.href);
            collect(part.parts);
        });
        collect(tree);
        for (const url of urls) assert.match(url, /^https?:\/\//i, text);
        if (!urls.length && !text.includes('/files/')) assert.equal(words(textOf(tree)).length, words(text).length, text);
    }
});

test('the time grows with the length, whatever the input', () => {
    const hostile = [
        '*', '**a ', '_a ', '*a **b ', '`', '`a', '[', '[a](', '[a](http://x', '> ', '>', '- ', '```\n', 'http://',
        'https://[', 'https://[,', 'http://x)))', '(((', '~~a ~', '> > > > > ', '*a\n', '**_~~', 'h', '\n', '_a *b ',
        '> [a](#b/1)\n', '/files/', 'https://x.,',
    ];
    const time = (text) => {
        const start = process.cpuUsage().user;
        parse(text);
        return process.cpuUsage().user - start;
    };
    const SIZE = 100_000;
    for (const piece of hostile) {
        const text = piece.repeat(SIZE / piece.length);
        parse(text.slice(0, 1000));
        // Quadratic work on so much takes minutes; linear work takes some hundredths of a second.
        assert.ok(time(text) < 3_000_000, JSON.stringify(piece));
        assert.ok(time(`${text}x`) < 3_000_000, JSON.stringify(piece));
    }
});
