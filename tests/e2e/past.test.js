/** What was said before: scrolling past the latest 100, and search. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { DESKTOP, launch, Person, PHONE } from './support/browser.js';
import { startConfab, startRedis } from './support/server.js';
import { Talker } from './support/talker.js';

const SMALL = { ...PHONE, viewport: { width: 320, height: 568 } };
const SPOKEN = 400;

let redis, one, two, browser;

before(async () => {
    redis = await startRedis();
    const env = { RATE_LIMIT_MESSAGES: '0' };
    [one, two, browser] = await Promise.all([
        startConfab(redis, { env: { ...env, ARCHIVE: 'sqlite' } }),
        startConfab(redis, { env }), // asks the other one
        launch(),
    ]);
});

after(async () => {
    await browser?.close();
    await Promise.all([one?.stop(), two?.stop()]);
    await redis?.stop();
});

const line = (i) => `line ${i}, ${'and so on '.repeat(i % 7)}`.trim();

/** Fills a room; returns when the archive has it and it can be searched. */
async function fill(t, room, texts = Array.from({ length: SPOKEN }, (_, i) => line(i + 1))) {
    const talker = await new Talker(t, one.ws, `author-${room}`.slice(0, 32)).enter(room);
    for (const text of texts) talker.client.sendMessage(room, text);
    await talker.hears(room, texts.at(-1));
    for (;;) {
        const { results, behind } = await talker.client.search({ q: texts.at(-1), stream: room });
        if (results.length && !behind) return talker;
    }
}

async function enter(t, name, room, { url = one.url, options = DESKTOP } = {}) {
    const person = await Person.enter(t, browser, url, name, options);
    await person.joinRoom(room);
    return person;
}

/** Scrolls up until the first message is there; tells what moved although nobody scrolled. */
async function scrollToTheBeginning(person) {
    return person.page.evaluate(async () => {
        const scroller = document.getElementById('scroller');
        const list = document.getElementById('messages');
        const frame = () => new Promise((done) => requestAnimationFrame(() => done()));
        const rows = () => [...list.querySelectorAll('.message')];
        const top = (row) => row.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
        const jumps = [];
        const seen = new Set();
        let most = 0;
        for (let steps = 0; steps < 400 && !seen.has(1); steps++) {
            const row = rows().find((one) => top(one) > 0);
            const before = top(row);
            const from = scroller.scrollTop;
            scroller.scrollTop -= 300;
            const step = from - scroller.scrollTop;
            for (let i = 0; i < 6; i++) await frame();
            const moved = row.isConnected ? top(row) - before - step : 0;
            if (Math.abs(moved) > 2) jumps.push(moved);
            for (const one of rows()) seen.add(Number(one.dataset.seq));
            most = Math.max(most, list.childElementCount);
        }
        return { jumps, most, seqs: [...seen].sort((a, b) => a - b) };
    });
}

for (const [what, where] of [
    ['here', () => one],
    ['of another instance', () => two],
])
    test(`history has no end but its beginning: the archive ${what}`, async (t) => {
        const room = `long-${where().port}`;
        await fill(t, room);
        const alice = await enter(t, `alice-${room}`, room, { url: where().url });
        await alice.hears(line(SPOKEN));
        const { jumps, most, seqs } = await scrollToTheBeginning(alice);
        assert.ok(most < 150, `${most} rows at once`);
        assert.deepEqual(jumps, [], 'nothing jumps under the eyes');
        assert.deepEqual(
            seqs,
            Array.from({ length: SPOKEN }, (_, i) => i + 1),
        );
        await alice.seesNo('#older');
        assert.equal(await alice.page.locator('#messages .day').count(), 1);
        await alice.page.click('#jump');
        await alice.hears(line(SPOKEN));
    });

test('a long way up and down again: few rows are there at once, none is missing', async (t) => {
    const many = 1000;
    await fill(t, 'deep', Array.from({ length: many }, (_, i) => `deep ${i + 1}`));
    const alice = await enter(t, 'alice-deep', 'deep');
    await alice.hears(`deep ${many}`);
    /** Scrolls one way until a message is there; the most rows, and holes and jumps on the way. */
    const travel = (way, goal) =>
        alice.page.evaluate(
            async ([way, goal]) => {
                const scroller = document.getElementById('scroller');
                const list = document.getElementById('messages');
                const frame = () => new Promise((done) => requestAnimationFrame(() => done()));
                const numbers = () => [...list.querySelectorAll('.message')].map((row) => Number(row.dataset.seq));
                const seen = new Set();
                let most = 0;
                while (!numbers().includes(goal)) {
                    scroller.scrollTop = way < 0 ? 0 : scroller.scrollHeight;
                    await frame();
                    const shown = numbers();
                    shown.forEach((seq, i) => i && seq !== shown[i - 1] + 1 && seen.add('hole'));
                    most = Math.max(most, shown.length);
                }
                return { most, problems: [...seen] };
            },
            [way, goal],
        );
    for (const [way, goal] of [[-1, 1], [1, many]]) {
        const { most, problems } = await travel(way, goal);
        assert.deepEqual(problems, []);
        assert.ok(most < 150, `${most} rows at once`);
    }
    await alice.say('back at the end');
});

test('what is missing is said where it is missing', async (t) => {
    await fill(t, 'holes');
    const file = path.join(path.dirname(redis.address.slice('unix:'.length)), 'data', 'archive.db');
    execFileSync('sqlite3', [
        file,
        `DELETE FROM message WHERE (id & 4294967295) BETWEEN 200 AND 211 AND id >> 32 =
            (SELECT e.id FROM epoch e JOIN stream s ON s.id = e.stream WHERE s.name = 'r:holes')`,
    ]);
    const alice = await enter(t, 'alice-holes', 'holes');
    await alice.hears(line(SPOKEN));
    await alice.page.evaluate(async () => {
        const scroller = document.getElementById('scroller');
        while (!document.querySelector('#messages .gap')) {
            scroller.scrollTop = 0;
            await new Promise((done) => requestAnimationFrame(() => done()));
        }
    });
    await alice.sees('#messages .gap', '12 messages are missing here');
    const around = await alice.page.evaluate(() => {
        const gap = document.querySelector('#messages .gap');
        return [gap.previousElementSibling.dataset.seq, gap.nextElementSibling.dataset.seq];
    });
    assert.deepEqual(around, ['199', '212']);
});

async function search(person, text, { everywhere = false } = {}) {
    await person.page.click('#open-search');
    if (everywhere) await person.page.check('#search-everywhere');
    await person.page.fill('#search-text', text);
    await person.page.press('#search-text', 'Enter');
}

test('a search leads to the message and to what was said around it', async (t) => {
    const talker = await fill(t, 'find');
    const alice = await enter(t, 'alice-find', 'find');
    await search(alice, 'line 77');
    await alice.sees('#search-note', '1 message');
    assert.deepEqual(await alice.page.locator('#results mark').allTextContents(), ['line', '77']);
    await alice.page.click('#results .result');
    const found = alice.page.locator('#messages .message.found');
    await found.waitFor();
    assert.equal(await found.getAttribute('data-seq'), '77');
    const view = await alice.page.locator('#scroller').boundingBox();
    const row = await found.boundingBox();
    assert.ok(row.y > view.y && row.y + row.height < view.y + view.height, 'it is in sight');
    assert.equal(await alice.page.locator('[data-seq="76"]').count(), 1);

    // What is said meanwhile does not come between, and is there when one goes back.
    talker.client.sendMessage('find', 'news from now');
    await alice.sees('#jump-text', '1 new message');
    assert.equal(await alice.page.locator('#messages').getByText('news from now').count(), 0);
    // Downwards it goes on until the present.
    await alice.page.evaluate(async () => {
        const scroller = document.getElementById('scroller');
        while (!document.querySelector('#messages [data-seq="401"]')) {
            scroller.scrollTop = scroller.scrollHeight;
            await new Promise((done) => requestAnimationFrame(() => done()));
        }
    });
    const seqs = await alice.page
        .locator('#messages .message')
        .evaluateAll((rows) => rows.map((one) => Number(one.dataset.seq)));
    assert.deepEqual(
        seqs,
        Array.from({ length: seqs.length }, (_, i) => seqs[0] + i),
    );
    await alice.page.click('#jump').catch(() => {}); // or it is there already
    await alice.hears('news from now');
    await alice.say('and I answer');
});

test('an address leads to a message, near or far; one that is not there is said', async (t) => {
    await fill(t, 'linked');
    const alice = await enter(t, 'alice-linked', 'linked');
    await alice.hears(line(SPOKEN));
    for (const seq of [12, SPOKEN - 3, 200]) {
        await alice.page.evaluate((hash) => (location.hash = hash), `linked/${seq}`);
        await alice.page.locator(`#messages .found[data-seq="${seq}"]`).waitFor();
        assert.ok((await alice.messageAtTop(seq)).top >= 0);
    }
    await alice.page.evaluate(() => (location.hash = 'linked/99999'));
    await alice.page.locator('#toast.shown').waitFor();
    await alice.page.evaluate(() => history.replaceState(null, '', '#linked/34'));
    await alice.page.reload(); // the page can be opened with it
    await alice.page.locator('#messages .found[data-seq="34"]').waitFor();
});

test('back to the present from an earlier place at once', async (t) => {
    await fill(t, 'back');
    const alice = await enter(t, 'alice-back', 'back');
    await search(alice, '"line 5"');
    await alice.page.click('#results .result >> nth=0');
    await alice.page.locator('#messages .message.found').waitFor();
    await alice.page.click('#jump');
    await alice.hears(line(SPOKEN));
    await alice.page.locator('#jump').waitFor({ state: 'hidden' });
    await alice.say('here I am');
});

test('a search everywhere finds rooms and conversations, and leads there', async (t) => {
    await fill(t, 'attic', ['the lamp is in the attic']);
    const alice = await enter(t, 'alice-any', 'attic');
    await alice.joinRoom('cellar');
    await search(alice, 'lamp');
    await alice.sees('#search-note', 'Nothing found.');
    await alice.page.check('#search-everywhere');
    await alice.sees('#results .result-where', '#attic');
    await alice.page.click('#results .result');
    await alice.sees('#place', 'attic');
    await alice.page.locator('#messages .message.found').waitFor();
});

test('what was said is shown as text in results, and mistakes as sentences', async (t) => {
    const text = '<img src=x onerror=alert(1)> & pumpkin <b>pie</b>';
    await fill(t, 'markup', [text]);
    const alice = await enter(t, 'alice-markup', 'markup');
    await search(alice, 'pumpkin');
    await alice.sees('#results mark', 'pumpkin');
    assert.equal(await alice.page.locator('#results .result-text').textContent(), text);
    assert.equal(await alice.page.locator('#results img, #results b').count(), 0);
    await alice.page.fill('#search-text', '"*"');
    await alice.page.press('#search-text', 'Enter');
    await alice.sees('#search-note', 'Search for 1 to 16 words.');
    await alice.page.press('#search-text', 'Escape');
    await alice.page.locator('#search').waitFor({ state: 'hidden' });
    assert.equal(await alice.page.evaluate(() => document.activeElement?.id), 'open-search');
});

test('results come in pages', async (t) => {
    await fill(t, 'heap', Array.from({ length: 45 }, (_, i) => `apple number ${i}`));
    const alice = await enter(t, 'alice-heap', 'heap');
    await search(alice, 'apple');
    await alice.sees('#search-note', '20 messages so far');
    await alice.page.click('#more-results');
    await alice.sees('#search-note', '40 messages so far');
    await alice.page.click('#more-results');
    await alice.sees('#search-note', '45 messages');
    await alice.page.locator('#more-results').waitFor({ state: 'hidden' });
    assert.equal(await alice.page.locator('#results .result').count(), 45);
});

test('it can be used on a small screen', async (t) => {
    await fill(t, 'a-room-with-a-rather-long-name-that-does-not-fit');
    const alice = await Person.enter(t, browser, one.url, 'alice-small', SMALL);
    await alice.page.click('#open-side');
    await alice.joinRoom('a-room-with-a-rather-long-name-that-does-not-fit');
    await alice.page.keyboard.press('Escape');
    const fits = () =>
        alice.page.evaluate(() => {
            const wide = document.documentElement.scrollWidth > innerWidth;
            const small = [...document.querySelectorAll('.chat button, .chat input, .chat label, .scope span')]
                .filter((part) => part.checkVisibility?.() && part.closest('.chat-head, .search'))
                .filter((part) => !part.classList.contains('hidden'))
                .map((part) => [part.id || part.className, part.getBoundingClientRect()])
                .filter(([, box]) => box.width > 0)
                .filter(([, box]) => box.right > innerWidth + 0.5 || box.left < -0.5);
            return { wide, outside: small.map(([name]) => name) };
        });
    assert.deepEqual(await fits(), { wide: false, outside: [] });
    await search(alice, 'line 42');
    await alice.sees('#results mark', '42');
    assert.deepEqual(await fits(), { wide: false, outside: [] });
    await alice.page.tap('#results .result');
    await alice.page.locator('#messages .message.found').waitFor();
});

test('without an archive there is no search and no line above the first message', async (t) => {
    const other = await startRedis();
    t.after(() => other.stop());
    const alone = await startConfab(other, { t });
    const alice = await Person.enter(t, browser, alone.url, 'alice-alone');
    await alice.say('hello');
    await alice.page.locator('#open-search').waitFor({ state: 'hidden' });
    await alice.page.locator('#older').waitFor({ state: 'hidden' });
});
