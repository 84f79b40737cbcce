/** The texts: the same ones in every language, and none that nobody asks for. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PUBLIC = fileURLToPath(new URL('../../public/', import.meta.url));

/** "a.b/2" for each text; the number is that of a function's arguments. */
function shape(value, path = '') {
    if (typeof value === 'function') return [`${path}/${value.length}`];
    if (typeof value === 'string') {
        assert.notEqual(value.trim(), '', `${path} has a text`);
        return [path];
    }
    return Object.entries(value).flatMap(([key, one]) => shape(one, path ? `${path}.${key}` : key));
}

const language = async (name) => (await import(`${PUBLIC}js/strings/${name}.js`)).strings;
const texts = async (folder) => {
    const names = await readdir(`${PUBLIC}${folder}`, { recursive: true });
    const files = names.filter((name) => name.endsWith('.js') && !name.startsWith('strings'));
    return Promise.all(files.map((name) => readFile(`${PUBLIC}${folder}/${name}`, 'utf8')));
};

test('every language has the same texts, with the same arguments', async () => {
    const english = shape(await language('en')).sort();
    assert.ok(english.length > 200);
    assert.deepEqual(shape(await language('de')).sort(), english);
});

test('index.html names texts that exist, has none of its own, and none is left over', async () => {
    const html = await readFile(`${PUBLIC}index.html`, 'utf8');
    const named = [...html.matchAll(/ data-(?:t|label|hint|title)="([^"]*)"/g)].map((m) => m[1]);
    const { page } = await language('en');
    assert.deepEqual([...new Set(named)].sort(), Object.keys(page).sort());
    const body = html.slice(html.indexOf('</noscript>')).replace(/<(option value="\w\w").*?\n?>.*?</g, '<');
    const left = body.match(/>[^<]*\p{L}[^<]*</gu)?.map((text) => text.slice(1, -1).trim());
    assert.deepEqual([...new Set(left)], ['confab']);
    assert.doesNotMatch(html, / (aria-label|placeholder|title)="/);
});

test('no view asks for a text that does not exist, and each is asked for', async () => {
    const code = (await texts('js')).join('\n');
    const asked = new Set([...code.matchAll(/\bstrings\.(?!js\b)(\w+)/g)].map((m) => m[1]));
    const known = new Set(Object.keys(await language('en')));
    const inside = ['page', 'errors'];
    assert.deepEqual(
        [...asked].filter((key) => !known.has(key)),
        [],
    );
    assert.deepEqual(
        [...known].filter((key) => !asked.has(key) && !inside.includes(key)),
        [],
    );
});
