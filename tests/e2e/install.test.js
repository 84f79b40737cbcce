/** Installed: the page without a network, its versions, and what other apps share with it. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, Person } from './support/browser.js';
import { startConfab, startRedis } from './support/server.js';

const PUBLIC = fileURLToPath(new URL('../../public/', import.meta.url));
const WITH_WORKER = { serviceWorkers: 'allow' };
let redis, browser;

before(async () => {
    [redis, browser] = await Promise.all([startRedis(), launch()]);
});

after(async () => {
    await browser?.close();
    await redis?.stop();
});

/** Somebody whose page the worker serves. */
async function installed(t, url, name) {
    const person = await Person.enter(t, browser, url, name, WITH_WORKER);
    await person.page.evaluate(() => navigator.serviceWorker.ready);
    await person.page.waitForFunction(() => navigator.serviceWorker.controller);
    return person;
}

const kept = (page) =>
    page.evaluate(async () => {
        const caches_ = await Promise.all(
            (await caches.keys()).map(async (name) => (await caches.open(name)).keys()),
        );
        return caches_.flat().map((request) => new URL(request.url).pathname);
    });

test('what a browser needs to install it', async (t) => {
    const server = await startConfab(redis, { t });
    const manifest = await (await fetch(`${server.url}manifest.webmanifest`)).json();
    assert.equal(manifest.display, 'standalone');
    for (const { src, sizes, type } of manifest.icons) {
        const answer = await fetch(new URL(src, server.url));
        assert.equal(answer.headers.get('content-type'), type);
        const bytes = Buffer.from(await answer.arrayBuffer());
        if (type === 'image/png') // IHDR: width and height
            assert.equal(`${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`, sizes);
    }
});

test('without a server a reload shows the page, and what was written goes out when it is back', async (t) => {
    const mortal = await startConfab(redis, { t });
    const bob = await installed(t, mortal.url, 'bob');
    await bob.say('before the tunnel');
    assert.deepEqual(
        (await kept(bob.page)).filter((name) => /^\/(api|ws|files|openapi)/.test(name)),
        [],
    );
    await mortal.kill();
    await bob.page.reload();
    await bob.page.waitForSelector('body[data-screen="app"]');
    await bob.sees('#banner', 'Connection lost');
    await bob.write('in the tunnel');
    await bob.sees('#pending .pending', 'Waiting to be sent');
    await bob.page.reload();
    await bob.sees('#pending .pending', 'in the tunnel');
    await startConfab(redis, { t, port: mortal.port });
    await bob.page.evaluate(() => dispatchEvent(new Event('online')));
    await bob.hears('in the tunnel');
    bob.problems.length = 0; // the browser says itself that the server was not there
});

test('a new version is served whole, at the first load after the server has it', async (t) => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'confab-public-'));
    t.after(() => rm(folder, { recursive: true }));
    await cp(PUBLIC, folder, { recursive: true });
    const env = { PUBLIC_DIR: folder };
    const old = await startConfab(redis, { t, env });
    const bob = await installed(t, old.url, 'bob2');
    const fetched = [];
    bob.page.on('response', (answer) => answer.fromServiceWorker() || fetched.push(answer.url()));
    await bob.page.reload();
    await bob.ready();
    assert.deepEqual(fetched.filter((url) => /\.(js|css|html)$/.test(url)), []);

    for (const [file, from, to] of [
        ['js/strings/en.js', "people: 'People'", "people: 'Folks'"],
        ['css/base.css', '--touch: 44px', '--touch: 45px'],
    ]) {
        const text = await readFile(path.join(folder, file), 'utf8');
        assert.ok(text.includes(from));
        await writeFile(path.join(folder, file), text.replace(from, to));
    }
    await old.stop();
    await startConfab(redis, { t, env, port: old.port });
    await bob.page.reload();
    await bob.ready();
    await bob.sees('#people h2', 'Folks');
    const touch = () => getComputedStyle(document.documentElement).getPropertyValue('--touch');
    assert.equal(await bob.page.evaluate(touch), '45px');
    await bob.page.waitForFunction(
        async () => (await caches.keys()).filter((name) => name.startsWith('shell')).length === 1,
    );
    bob.problems.length = 0;
});

test('what another app shares is in the field', async (t) => {
    const server = await startConfab(redis, { t });
    const bob = await installed(t, server.url, 'bob3');
    await bob.page.evaluate(async () => {
        const form = new FormData();
        form.set('title', 'A boat');
        form.set('url', 'https://example.org/boat');
        await fetch('/share', { method: 'POST', body: form, redirect: 'manual' });
    });
    await bob.page.reload();
    await bob.ready();
    await bob.page.waitForFunction(() => document.getElementById('text').value !== '');
    assert.equal(await bob.page.inputValue('#text'), 'A boat\nhttps://example.org/boat');
    assert.equal(await bob.page.evaluate(() => caches.has('share')), false);
});
