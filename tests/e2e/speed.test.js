/** What the page may cost: bytes, rounds of requests, memory. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { launch, Person, PHONE } from './support/browser.js';
import { startConfab, startRedis } from './support/server.js';
import { Talker } from './support/talker.js';

const PUBLIC = fileURLToPath(new URL('../../public', import.meta.url));
const BYTES_MOST = 150 * 1024;
const MANY = 10_000;
const SWITCHES = 1_000;
const ROWS_MOST = 200;
const FRAME_MS = 16.7; // of a display with 60 Hz
const LEFT_MOST = 500; // nodes, listeners: one each time would be more
const LEAK_BYTES = 500_000; // half a kilobyte each time

let redis, one, browser;

before(async () => {
    redis = await startRedis();
    const env = { RATE_LIMIT_MESSAGES: '0', ARCHIVE: 'sqlite' };
    [one, browser] = await Promise.all([startConfab(redis, { env }), launch()]);
});

after(async () => {
    await browser?.close();
    await one?.stop();
    await redis?.stop();
});

/** What a browser never asks for on the way into the chat and in it. */
const ELSEWHERE = [
    'openapi.json',
    'js/package.json', // for node
    'js/types.js', // for tsc
    'js/strings/en.js', // one language at a time; German is the longer one
    'ca.html', // before the certificate is trusted
    'js/ca.js',
    'css/ca.css',
];

test('all files that the page may ask for are small together', () => {
    const files = readdirSync(PUBLIC, { recursive: true })
        .filter((name) => !ELSEWHERE.includes(name))
        .map((name) => path.join(PUBLIC, name))
        .filter((file) => statSync(file).isFile());
    const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(file), { level: 9 }).length, 0);
    assert.ok(bytes <= BYTES_MOST, `${bytes} bytes`);
    assert.ok(files.length > 30, 'and that were all files');
});

test('modules are asked for at once, not one level of imports after the other', () => {
    const needed = new Set(['/js/app.js']);
    for (const url of needed) {
        const source = readFileSync(path.join(PUBLIC, url), 'utf8');
        for (const [, to] of source.matchAll(/^(?:import|\}).* from '(\.[^']+)';$/gm))
            needed.add(path.posix.join(path.posix.dirname(url), to));
    }
    const html = readFileSync(path.join(PUBLIC, 'index.html'), 'utf8');
    const named = [...html.matchAll(/<link rel="modulepreload" href="([^"]+)">/g)].map(([, url]) => url);
    needed.delete('/js/app.js'); // its script stands there
    assert.deepEqual(named.sort(), [...needed].sort(), 'links of index.html');
});

/** Fills a room with so many messages and waits until they can be read as pages. */
async function fill(t, room, count) {
    const talker = await new Talker(t, one.ws, `author-${room}`).enter(room);
    for (let i = 1; i <= count; i++)
        talker.client.sendMessage(room, `${room} ${i}${' and so on'.repeat(i % 9)}`);
    await talker.until(() => talker.client.streams.get(room)?.seq === count, 'all said', 120_000);
    for (;;) {
        const { behind } = await talker.client.search({ q: room, stream: room });
        if (!behind) return talker;
    }
}

/** @returns {Promise<Record<string, number>>} of Chromium: times in seconds, numbers of objects, bytes */
async function metrics(devtools) {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}

/** Scrolls one way frame by frame, until there is nothing more; the most rows that were there. */
const travel = (person, step) =>
    person.page.evaluate(async (step) => {
        const scroller = document.getElementById('scroller');
        const list = document.getElementById('messages');
        const frame = () => new Promise((done) => requestAnimationFrame(() => done()));
        const seen = new Set();
        const edge = () => (step < 0 ? scroller.scrollTop <= 0 : scroller.scrollTop + scroller.clientHeight + 1 >= scroller.scrollHeight);
        const isLoading = () => step < 0 && !document.getElementById('older').hidden;
        let [most, frames, empty] = [0, 0, 0];
        for (; !edge() || isLoading(); frames++) {
            scroller.scrollTop += step;
            await frame();
            most = Math.max(most, list.childElementCount);
            const { left, top, height } = scroller.getBoundingClientRect();
            // Between two rows there is a margin, but not at all of these points.
            const isRow = (down) => document.elementFromPoint(left + 40, top + height / 2 + down)?.closest('#messages > *');
            if (![0, 20, 40].some(isRow) && !isLoading()) empty++;
            for (const row of list.children) if (row.dataset.seq) seen.add(Number(row.dataset.seq));
        }
        return { most, frames, empty, count: seen.size };
    }, step);

test('10,000 messages: few rows at once, and little work for each frame', async (t) => {
    await fill(t, 'long', MANY);
    const alice = await Person.enter(t, browser, one.url, 'alice-long', PHONE);
    await alice.page.click('#open-side');
    await alice.joinRoom('long');
    const up = await travel(alice, -1_500);
    assert.equal(up.count, MANY);
    const devtools = await alice.context.newCDPSession(alice.page);
    await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
    const before = await metrics(devtools);
    const down = await travel(alice, 300);
    const after = await metrics(devtools);
    assert.equal(down.count, MANY, 'all are still there');
    assert.ok(down.most < ROWS_MOST && up.most < ROWS_MOST, `${up.most}, ${down.most} rows at once`);
    assert.equal(down.empty, 0, `of ${down.frames} frames so many show nothing`);
    const work = ((after.TaskDuration - before.TaskDuration) / down.frames) * 1000;
    t.diagnostic(`${down.frames} frames, ${work.toFixed(2)} ms of work for each`);
    assert.ok(work < FRAME_MS, `${work} ms for a frame`);
});

test('1,000 changes of the room leave nothing behind', async (t) => {
    const talker = await new Talker(t, one.ws, 'author-rooms').enter('left', 'right');
    for (let i = 1; i <= 100; i++)
        for (const room of ['left', 'right']) talker.client.sendMessage(room, `${room} ${i}`);
    for (const room of ['left', 'right']) await talker.hears(room, `${room} 100`);
    const alice = await Person.enter(t, browser, one.url, 'alice-rooms');
    for (const room of ['left', 'right']) {
        await alice.joinRoom(room);
        await alice.hears(`${room} 100`);
    }
    const devtools = await alice.context.newCDPSession(alice.page);
    await devtools.send('Performance.enable');
    const change = (times) =>
        alice.page.evaluate(async (times) => {
            const buttons = [...document.querySelectorAll('#rooms .place-button')];
            const [left, right] = ['left', 'right'].map((name) =>
                buttons.find((one) => one.textContent.includes(name)),
            );
            for (let i = 0; i < times; i++) {
                (i % 2 ? right : left).click();
                if (i % 10 < 2) await new Promise((done) => requestAnimationFrame(() => done()));
                else await null;
            }
        }, times);
    const settled = async () => {
        await alice.page.evaluate(() => new Promise((done) => setTimeout(done)));
        await devtools.send('HeapProfiler.collectGarbage');
        return metrics(devtools);
    };
    await change(200); // code is compiled, caches are full
    const before = await settled();
    await change(SWITCHES);
    const after = await settled();
    const bytes = after.JSHeapUsedSize - before.JSHeapUsedSize;
    t.diagnostic(`${bytes} bytes, ${after.Nodes - before.Nodes} nodes`);
    assert.ok(bytes < LEAK_BYTES, `${bytes} bytes more`);
    assert.ok(after.Nodes - before.Nodes < LEFT_MOST, `${after.Nodes - before.Nodes} nodes more`);
    const listeners = after.JSEventListeners - before.JSEventListeners;
    assert.ok(listeners < LEFT_MOST, `${listeners} listeners more`);
});
