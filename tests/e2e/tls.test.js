/** The page behind TLS on a phone that trusts the server's authority, and on one that does not. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { PHONE } from './support/browser.js';
import { CONFAB, startConfab, startRedis } from './support/server.js';

const ANDROID =
    'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Mobile Safari/537.36';
const IPHONE =
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1';
let redis, server, folder;

before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'confab-tls-'));
    execFileSync(CONFAB, ['tls', 'init'], { cwd: folder, env: { DATA_DIR: folder } });
    redis = await startRedis();
    server = await startConfab(redis, { env: { DATA_DIR: folder, ARCHIVE: 'off', BIND: '0.0.0.0', MDNS: 'off' } });
});

after(async () => {
    await server?.stop();
    await redis?.stop();
    await rm(folder, { recursive: true, force: true });
});

/** A browser whose user has installed the authority, or not. */
async function phone(t, { trusts, locale = 'en-GB', userAgent = ANDROID }) {
    const home = await mkdtemp(path.join(folder, 'home-'));
    const db = path.join(home, '.pki', 'nssdb');
    await mkdir(db, { recursive: true });
    const certutil = (...args) => execFileSync('certutil', ['-d', `sql:${db}`, ...args]);
    certutil('-N', '--empty-password');
    if (trusts)
        certutil('-A', '-t', 'C,,', '-n', 'confab', '-i', path.join(folder, 'tls', 'ca.crt'));
    const context = await chromium.launchPersistentContext(path.join(home, 'profile'), {
        ...PHONE,
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP *.local 127.0.0.1'],
        env: { ...process.env, HOME: home },
        locale,
        userAgent,
    });
    t.after(() => context.close());
    return context.pages()[0] ?? (await context.newPage());
}

for (const host of ['127.0.0.1', 'confab.local'])
    test(`who trusts the authority is led on to the chat at ${host}`, async (t) => {
        const page = await phone(t, { trusts: true });
        await page.goto(`http://${host}:${server.port}/#general`);
        await page.waitForURL(`https://${host}:${server.port}/#general`);
        await page.fill('#name', `ann-${host.length}`);
        await page.click('#enter');
        await page.fill('#text', 'from a phone');
        await page.press('#text', 'Enter');
        await page.waitForSelector('text=from a phone');
        assert.equal(await page.evaluate(() => isSecureContext), true);
        const worker = await page.evaluate(async () => {
            const registration = await navigator.serviceWorker.ready;
            return registration.active?.scriptURL;
        });
        assert.equal(worker, `https://${host}:${server.port}/sw.js`);
        const again = await page.reload();
        assert.equal(again?.fromServiceWorker(), true);
        await page.waitForSelector('text=from a phone');
    });

test('who does not trust it is told what to do', async (t) => {
    const page = await phone(t, { trusts: false });
    await page.goto(`http://127.0.0.1:${server.port}/#general`);
    assert.equal(await page.textContent('main:visible h1'), 'One step, then you can chat');
    const open = page.locator('details[open]:visible');
    assert.deepEqual(await open.locator('summary').allTextContents(), ['Android']);
    assert.match(await page.textContent('.state:visible'), /^Waiting until/);
    const href = await page.getAttribute('main:visible .go', 'href');
    assert.equal(href, `https://127.0.0.1:${server.port}/#general`);
    const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.click('main:visible .button'),
    ]);
    assert.equal(file.suggestedFilename(), 'ca.crt');
    const wide = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    assert.equal(wide, 0);
    if (process.env.PICTURES)
        await page.screenshot({ path: `${process.env.PICTURES}/ca.png`, fullPage: true });
    await assert.rejects(page.goto(`https://127.0.0.1:${server.port}/`), /ERR_CERT_AUTHORITY_INVALID/);
});

test('its QR code leads other devices to it', async (t) => {
    const page = await phone(t, { trusts: false });
    const { urls } = await (await fetch(`http://127.0.0.1:${server.port}/api/v1/addresses`)).json();
    const own = `127.0.0.1:${server.port}`;
    for (const [host, url] of [
        [own, urls.length > 0 ? `${urls[0]}ca` : `http://${own}/ca`],
        [`confab.local:${server.port}`, `http://confab.local:${server.port}/ca`],
    ]) {
        await page.goto(`http://${host}/ca`);
        const image = page.locator('main:visible figure img');
        await page.waitForFunction(
            () => [...document.images].every((one) => one.complete && one.naturalWidth > 0),
        );
        const src = new URL((await image.getAttribute('src')) ?? '', 'http://x/');
        assert.equal(src.searchParams.get('url'), url);
    }
});

test('an iPhone gets a profile', async (t) => {
    const page = await phone(t, { trusts: false, userAgent: IPHONE });
    await page.goto(`http://127.0.0.1:${server.port}/`);
    const open = page.locator('details[open]:visible');
    assert.deepEqual(await open.locator('summary').allTextContents(), ['iPhone and iPad']);
    for (const link of ['main:visible .button', 'details[open]:visible a'])
        assert.equal(await page.getAttribute(link, 'href'), '/ca.mobileconfig');
});

test('and in German', async (t) => {
    const page = await phone(t, { trusts: false, locale: 'de-DE' });
    await page.goto(`http://127.0.0.1:${server.port}/`);
    assert.match(await page.textContent('main:visible h1'), /^Ein Schritt/);
    assert.equal(await page.locator('main:visible').count(), 1);
});
