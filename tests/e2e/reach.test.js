/** The way here for others: QR codes in page and terminal, read by a QR reader. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { after, before, test } from 'node:test';
import jsQR from 'jsqr';
import { offered } from '../../public/js/views/reach.js';
import { DESKTOP, launch, Person, PHONE } from './support/browser.js';
import { CONFAB, startConfab, startRedis } from './support/server.js';

let redis, everywhere, local, browser;

before(async () => {
    redis = await startRedis();
    [everywhere, local, browser] = await Promise.all([
        startConfab(redis, { env: { BIND: '0.0.0.0' } }),
        startConfab(redis),
        launch(),
    ]);
});

after(async () => {
    await browser?.close();
    await Promise.all([everywhere?.stop(), local?.stop()]);
    await redis?.stop();
});

const hasLan = Object.entries(networkInterfaces()).some(
    ([name, list]) => /^(eth|en|wl)/.test(name) && list.some(({ family }) => family === 'IPv4'),
);

/** What a phone's camera reads from the picture in the page. */
async function scan(page) {
    await page.waitForFunction(() => {
        const image = document.getElementById('reach-qr');
        return image.complete && image.naturalWidth > 0;
    });
    const { data, side } = await page.evaluate(() => {
        const side = 400;
        const canvas = Object.assign(document.createElement('canvas'), { width: side, height: side });
        const context = canvas.getContext('2d');
        context.drawImage(document.getElementById('reach-qr'), 0, 0, side, side);
        return { data: [...context.getImageData(0, 0, side, side).data], side };
    });
    return jsQR(Uint8ClampedArray.from(data), side, side)?.data;
}

async function open(person) {
    const { page } = person;
    if (await page.isVisible('#open-side')) await page.click('#open-side');
    await page.click('#open-reach');
}

for (const [name, device] of [['desktop', DESKTOP], ['phone', PHONE]])
    test(`${name}: the sheet has address and QR code, with the room`, { skip: !hasLan }, async (t) => {
        const person = await Person.enter(t, browser, `${everywhere.url}/#café`, `reach-${name}`, device);
        const { page } = person;
        await open(person);
        await person.sees('#reach-note', 'Scan');
        const address = await page.inputValue('#reach-url');
        assert.match(address, /^http:\/\/[\d.]+:\d+\/#caf%C3%A9$/);
        assert.doesNotMatch(address, /127\.0\.0\.1/);
        assert.equal(await scan(page), address);
        await page.click('#reach-copy');
        await person.sees('#reach-done', 'Copied');
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
        await page.keyboard.press('Escape');
        assert.ok(!(await page.isVisible('#reach')));
    });

test('a server for this machine alone says so', async (t) => {
    const person = await Person.enter(t, browser, local.url, 'reach-local', DESKTOP);
    await open(person);
    await person.sees('#reach-note', 'BIND');
    assert.ok(!(await person.page.isVisible('#reach-main')));
});

test('which address comes first', () => {
    const told = { urls: ['http://10.0.0.5:8080/', 'http://10.1.0.5:8080/'], mdns: 'http://confab.local:8080/' };
    const first = (/** @type {string} */ here) => offered(told, new URL(here));
    assert.deepEqual(first('http://localhost:8080/#general'), [...told.urls, told.mdns]);
    assert.equal(first('http://127.0.0.1:8080/')[0], told.urls[0]);
    assert.equal(first('http://[::1]:8080/')[0], told.urls[0]);
    assert.deepEqual(first('http://10.1.0.5:8080/'), [told.urls[1], told.urls[0], told.mdns]);
    assert.equal(first('http://confab.local:8080/')[0], told.mdns);
    assert.equal(first('https://10.0.0.5:8080/')[0], told.urls[0], 'which leads to where it is trusted');
    assert.deepEqual(first('https://chat.example.org/x'), ['https://chat.example.org/', ...told.urls, told.mdns]);
});

/** @param {string} text half blocks @returns {{text?: string, columns: number}} */
function read(text) {
    // eslint-disable-next-line no-control-regex
    const rows = text.split('\n').filter((line) => line.includes('\x1b[38;5;16;48;5;231m'));
    // eslint-disable-next-line no-control-regex
    const plain = rows.map((line) => line.replace(/\x1b\[[\d;]*m/g, '').slice(2));
    const [width, scale] = [plain[0].length, 4];
    const side = [width * scale, plain.length * 2 * scale];
    const pixels = new Uint8ClampedArray(side[0] * side[1] * 4).fill(255);
    for (let y = 0; y < side[1]; y++)
        for (let x = 0; x < side[0]; x++) {
            const char = plain[Math.floor(y / scale / 2)][Math.floor(x / scale)];
            const half = Math.floor(y / scale) % 2 ? '▄█' : '▀█';
            if (half.includes(char)) pixels.fill(0, (y * side[0] + x) * 4, (y * side[0] + x) * 4 + 3);
        }
    return { text: jsQR(pixels, side[0], side[1])?.data, columns: width + 2 };
}

test('the terminal shows a QR code that can be read', () => {
    const run = (...more) =>
        execFileSync(CONFAB, ['--addresses', '--bind', '10.20.30.40', '--server-port', '8080', ...more], {
            env: { ENV_FILE: '' },
            encoding: 'utf8',
        });
    const shown = read(run('--qr'));
    assert.equal(shown.text, 'http://10.20.30.40:8080/');
    assert.ok(shown.columns <= 80);
    assert.ok(!run().includes('\x1b'), 'not where nobody sees it');
});
