/** Installed: the page without a network, its versions, and what other apps share with it. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, Person } from './support/browser.js';
import { startConfab, startRedis } from './support/server.js';
import { Talker } from './support/talker.js';

const PUBLIC = fileURLToPath(new URL('../../public/', import.meta.url));
const WITH_WORKER = { serviceWorkers: 'allow' };
/** Forms of the page itself go nowhere (form-action); a share is none of them. */
const SHARED_WITH = { ...WITH_WORKER, bypassCSP: true };
let redis, browser;

before(async () => {
    [redis, browser] = await Promise.all([startRedis(), launch()]);
});

after(async () => {
    await browser?.close();
    await redis?.stop();
});

/** Somebody whose page the worker serves. */
async function installed(t, url, name, options = WITH_WORKER) {
    const person = await Person.enter(t, browser, url, name, options);
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

/** As an app does that shares: a form is sent, and the browser follows the answer. */
async function share({ page }, fields, files) {
    await page.evaluate(
        ([values, contents]) => {
            const form = document.createElement('form');
            Object.assign(form, { action: '/share', method: 'POST', enctype: 'multipart/form-data' });
            for (const [name, value] of Object.entries(values)) {
                const input = Object.assign(document.createElement('input'), { name, value });
                form.append(input);
            }
            const chosen = new DataTransfer();
            for (const { name, type, size, text } of contents)
                chosen.items.add(new File([text ?? new Uint8Array(size)], name, { type }));
            const input = Object.assign(document.createElement('input'), { name: 'files', type: 'file' });
            Object.assign(input, { multiple: true, files: chosen.files });
            form.append(input);
            document.body.append(form);
            form.submit();
        },
        [fields, files],
    );
    await page.waitForFunction(() => !document.querySelector('form[action="/share"]'));
}

const shared = (page) =>
    page.evaluate(async () => (await (await caches.open('share')).keys()).map(({ url }) => url));

test('what another app shares is in the field, its files in the tray, once', async (t) => {
    const server = await startConfab(redis, { t, env: { FILE_MAX_KB: '100' } });
    const bob = await installed(t, server.url, 'bob3', SHARED_WITH);
    const { page } = bob;
    const tile = (name) => page.locator('#tray .tile', { hasText: name });
    await page.fill('#text', 'Look:');
    await page.waitForFunction(() => localStorage.length && JSON.stringify(localStorage).includes('Look:'));
    await share(bob, { title: 'A boat', url: 'https://example.org/boat' }, [
        { name: 'mast é.txt', type: 'text/plain', text: 'tall\n' },
        { name: 'film.mp4', type: 'video/mp4', size: 200_000 },
    ]);
    await bob.ready();
    await tile('mast é.txt').and(page.locator('[data-state="done"]')).waitFor();
    await tile('film.mp4').getByText('This file is larger than the server takes.').waitFor();
    assert.equal(await page.inputValue('#text'), 'Look:\nA boat\nhttps://example.org/boat');
    assert.deepEqual(await shared(page), [], 'it is given once');
    await page.getByRole('button', { name: 'Remove film.mp4' }).click();
    await page.press('#text', 'Enter');
    await bob.sees('#messages .file-name', 'mast é.txt');
    const url = await page.locator('#messages .file-card').evaluate((e) => e.href);
    assert.equal(await (await fetch(url)).text(), 'tall\n');

    const six = [1, 2, 3, 4, 5, 6].map((n) => ({ name: `${n}.txt`, type: 'text/plain', text: `page ${n} of six\n` }));
    await share(bob, {}, six);
    await bob.sees('#toast', 'A message takes 4 files.');
    await tile('4.txt').and(page.locator('[data-state="done"]')).waitFor();
    assert.equal(await page.locator('#tray .tile').count(), 4);
    assert.equal(await page.inputValue('#text'), '');
});

test('files that are shared without a network wait for it', async (t) => {
    const mortal = await startConfab(redis, { t });
    const bob = await installed(t, mortal.url, 'bob4', SHARED_WITH);
    await mortal.kill();
    await share(bob, { text: 'from the tunnel' }, [{ name: 'dark.txt', type: 'text/plain', text: 'written in the dark\n' }]);
    await bob.page.waitForFunction(() => document.getElementById('text').value === 'from the tunnel');
    await bob.sees('#banner', 'Connection lost');
    assert.equal((await shared(bob.page)).length, 1);
    await startConfab(redis, { t, port: mortal.port });
    await bob.page.evaluate(() => dispatchEvent(new Event('online')));
    await bob.page.locator('#tray .tile[data-state="done"]', { hasText: 'dark.txt' }).waitFor();
    bob.problems.length = 0; // the browser says itself that the server was not there
});

test('a server without files says so to who shares one', async (t) => {
    const server = await startConfab(redis, { t, env: { FILE_MAX_KB: '0' } });
    const bob = await installed(t, server.url, 'bob5', SHARED_WITH);
    await share(bob, { text: 'see' }, [{ name: 'a.txt', type: 'text/plain', text: 'x' }]);
    await bob.sees('#toast', 'This server takes no files.');
    assert.equal(await bob.page.inputValue('#text'), 'see');
    assert.deepEqual(await shared(bob.page), []);
});

/** Runs first in a page: it can be hidden; numbers on its icon and what it has shown are written down. */
function watched() {
    Object.assign(window, { isHidden: false, badges: [], shown: [] });
    const { showNotification } = ServiceWorkerRegistration.prototype;
    ServiceWorkerRegistration.prototype.showNotification = async function (title, options) {
        await showNotification.call(this, title, options);
        window.shown.push(options.body);
    };
    Object.defineProperty(document, 'visibilityState', { get: () => (window.isHidden ? 'hidden' : 'visible') });
    navigator.setAppBadge = async (count) => void window.badges.push(count);
    navigator.clearAppBadge = async () => void window.badges.push(0);
}

test('the worker notifies, a click leads to the place, and the icon has the number', async (t) => {
    const server = await startConfab(redis, { t });
    const options = { ...WITH_WORKER, permissions: ['notifications'], script: watched };
    const bob = await installed(t, server.url, 'bob6', options);
    const { page } = bob;
    await page.click('.side .open-settings');
    await page.check('#notice-show');
    await page.waitForFunction(() => JSON.parse(localStorage['confab.notices'] ?? '{}').show); // once it may
    await page.keyboard.press('Escape');
    const alice = await new Talker(t, server.ws, 'alice6').enter('general');
    await page.evaluate(() => {
        window.isHidden = true;
        document.dispatchEvent(new Event('visibilitychange'));
    });
    alice.client.sendMessage('@bob6', 'are you there?');
    alice.client.sendMessage('@bob6', 'it is urgent');
    // Only then: Chromium forgets one that is asked for while it is put up.
    await page.waitForFunction(() => window.shown.at(-1) === 'it is urgent');
    const told = await page.evaluate(async () => {
        const all = await (await navigator.serviceWorker.ready).getNotifications();
        return all.map(({ title, body, tag }) => `${tag} ${title}: ${body}`);
    });
    assert.deepEqual(told, ['@alice6 alice6: it is urgent']); // one for each place
    await page.waitForFunction(() => window.badges.includes(2));
    await page.evaluate(() => {
        window.isHidden = false;
        document.dispatchEvent(new Event('visibilitychange'));
    });
    const [worker] = bob.context.serviceWorkers();
    await worker.evaluate(async () => {
        const [notification] = await self.registration.getNotifications();
        self.dispatchEvent(new NotificationEvent('notificationclick', { notification }));
    });
    await bob.sees('#place', 'alice6');
    await bob.hears('it is urgent');
    await page.waitForFunction(() => window.badges.at(-1) === 0);
    await page.waitForFunction(async () => {
        const worker = await navigator.serviceWorker.ready;
        return (await worker.getNotifications()).length === 0;
    });
});
