/** What the page may cost: bytes, rounds of requests, memory. */
import assert from 'node:assert/strict';
import { on } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { launch, Person, PHONE } from './support/browser.js';
import { startConfab, startRedis } from './support/server.js';
import { Talker } from './support/talker.js';

const PUBLIC = fileURLToPath(new URL('../../public', import.meta.url));
const BYTES_MOST = 150 * 1024;
const MANY = 10_000;
const AT_ONCE = 200;
const SWITCHES = 1_000;
const ROWS_MOST = 200;
const FRAME_MS = 16.7; // of a display with 60 Hz
const LEFT_MOST = 500; // nodes, listeners: one each time would be more
const LEAK_BYTES = 500_000; // half a kilobyte each time

let redis, one, browser;

before(async () => {
    redis = await startRedis();
    const env = { RATE_LIMIT_MESSAGES: '0', ARCHIVE: 'sqlite' };
    // Work is measured, not how long a display shows a frame: the next one comes at once.
    const hurry = ['--disable-frame-rate-limit', '--disable-gpu-vsync'];
    [one, browser] = await Promise.all([startConfab(redis, { env }), launch(...hurry)]);
});

after(async () => {
    await browser?.close();
    await one?.stop();
    await redis?.stop();
});

/** What the page and its worker never ask for. */
const ELSEWHERE = [
    '/openapi.json',
    '/js/package.json', // for node
    '/js/types.js', // for tsc
    '/ca.html', // before the certificate is trusted
    '/js/ca.js',
    '/css/ca.css',
];

test('all files that the page may ask for are small together', async (t) => {
    const list = await (await fetch(`${one.url}assets.txt`)).text();
    const paths = [...list.matchAll(/^\S+ (\/.+)$/gm)].map(([, name]) => name);
    const worker = await readFile(path.join(PUBLIC, 'sw.js'), 'utf8');
    for (const name of ELSEWHERE) assert.ok(worker.includes(`'${name}'`), `${name}: not kept`);
    let bytes = Buffer.byteLength(list);
    for (const name of paths.filter((one) => !ELSEWHERE.includes(one))) {
        const answer = await fetch(new URL(name, one.url));
        bytes += Number(answer.headers.get('content-length'));
        assert.equal(answer.status, 200);
    }
    t.diagnostic(`${bytes} bytes in ${paths.length - ELSEWHERE.length} files`);
    assert.ok(bytes <= BYTES_MOST, `${bytes} bytes`);
    assert.ok(paths.includes('/index.html'), 'and that were all files');
});

test('without esbuild, modules are asked for at once, not one level of imports after the other', () => {
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
    const socket = new WebSocket(`${one.ws}?username=author-${room}&room=${room}`);
    t.after(() => socket.terminate());
    const frames = on(socket, 'message');
    /** The next frame that is wanted. */
    const comes = async (wanted) => {
        for (;;) {
            const { value } = await frames.next();
            const frame = JSON.parse(value[0]);
            assert.notEqual(frame.type, 'error', frame.message);
            if (wanted(frame)) return frame;
        }
    };
    await comes(({ type }) => type === 'history');
    for (let i = 1; i <= count; i++) {
        const content = `${room} ${i}${' and so on'.repeat(i % 9)}`;
        socket.send(JSON.stringify({ type: 'message', room, content }));
        // not more than the server may have waiting for Redis
        if (i % AT_ONCE === 0) await comes(({ type, seq }) => type === 'message' && seq === i);
    }
    for (let behind = true; behind; ) {
        socket.send(JSON.stringify({ type: 'search', q: room, room }));
        ({ behind } = await comes(({ type }) => type === 'search'));
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
