/** Pictures and files in messages: chosen, pasted, dropped, held up, refused. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { launch, Person, PHONE } from './support/browser.js';
import { startConfab, startRedis } from './support/server.js';

let redis, server, browser, picture;

before(async () => {
    const env = { RATE_LIMIT_MESSAGES: '0', FILE_MAX_KB: '200' };
    redis = await startRedis();
    [server, browser] = await Promise.all([startConfab(redis, { env }), launch()]);
    picture = await drawn();
});

after(async () => {
    await browser?.close();
    await server?.stop();
    await redis?.stop();
});

/** A PNG of 600 × 400, made by the browser. */
async function drawn() {
    const page = await browser.newPage();
    const url = await page.evaluate(() => {
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [600, 400];
        const pen = canvas.getContext('2d');
        const sky = pen.createLinearGradient(0, 0, 0, 400);
        sky.addColorStop(0, '#7ab');
        sky.addColorStop(1, '#edb');
        pen.fillStyle = sky;
        pen.fillRect(0, 0, 600, 400);
        return canvas.toDataURL('image/png');
    });
    await page.close();
    return Buffer.from(url.split(',')[1], 'base64');
}

const png = (name) => ({ name, mimeType: 'image/png', buffer: picture });
const notes = { name: 'notes é.txt', mimeType: 'text/plain', buffer: Buffer.from('milk, eggs\n') };

async function enter(t, name, room, options) {
    const person = await Person.enter(t, browser, `${server.url}#${room}`, `${name}-${room}`, options);
    await person.sees('#place', room);
    return person;
}

const choose = (person, ...files) => person.page.setInputFiles('#file-input', files);
const tile = (person, state) => person.page.locator(`.tile[data-state="${state}"]`);

test('a picture and a file with a caption are seen, come near and are loaded', async (t) => {
    const alice = await enter(t, 'alice', 'show');
    const bob = await enter(t, 'bob', 'show', PHONE);
    await alice.page.locator('#attach').waitFor();
    await choose(alice, png('sky.png'), notes);
    await tile(alice, 'done').nth(1).waitFor();
    await alice.picture('tray-desktop');
    await alice.page.fill('#text', 'from the **roof**');
    await alice.page.press('#text', 'Enter');
    await alice.page.locator('#tray').waitFor({ state: 'hidden' });
    const image = bob.page.locator('#messages .picture img');
    await image.waitFor();
    assert.deepEqual(
        await image.evaluate((e) => [e.getAttribute('width'), e.getAttribute('height'), e.alt]),
        ['320', '213', 'sky.png'],
    );
    await bob.page.waitForFunction(() => document.querySelector('.picture img').naturalWidth === 600);
    await bob.sees('.file-card .file-name', 'notes é.txt');
    await bob.sees('.file-card .file-size', '11');
    await bob.picture('picture-phone');
    await image.click();
    await bob.page.waitForSelector('#lightbox[open] img');
    await bob.picture('lightbox-phone');
    await bob.page.keyboard.press('Escape');
    const [download] = await Promise.all([
        bob.page.waitForEvent('download'),
        bob.page.locator('.file-card').click(),
    ]);
    assert.equal(download.suggestedFilename(), 'notes é.txt');
    assert.equal(await readFile(await download.path(), 'utf8'), 'milk, eggs\n');

    await alice.page.locator('#text').press('ArrowUp');
    assert.equal(await alice.page.inputValue('#text'), 'from the **roof**');
    assert.equal(await tile(alice, 'done').count(), 2);
    await alice.page.fill('#text', 'from the roof');
    await alice.page.press('#text', 'Enter');
    await bob.sees('.message .edited', 'edited');
    assert.equal(await bob.page.locator('.picture').count(), 1);
    assert.equal(await bob.page.locator('.file-card').count(), 1);

    const url = await bob.page.locator('a.picture').evaluate((e) => e.href);
    assert.equal((await fetch(url)).status, 200);
    await alice.page.locator('#messages .more-acts').last().focus();
    await alice.page.keyboard.press('Enter');
    await alice.page.getByRole('button', { name: 'Delete', exact: true }).click();
    await alice.page.getByRole('button', { name: 'Delete it for everybody' }).click();
    await bob.sees('.bubble', 'Message deleted');
    await assert.doesNotReject(gone(url));
});

/** Until the file of a deleted message is not there any more. */
async function gone(url) {
    for (const end = Date.now() + 10_000; Date.now() < end; ) {
        const { status } = await fetch(url);
        if (status === 404) return;
    }
    throw new Error('it is still there');
}

test('pasted and dropped files are taken, a file too large and a fifth one are not', async (t) => {
    const alice = await enter(t, 'alice', 'paste');
    await alice.page.locator('#attach').waitFor();
    const give = (type, name) =>
        alice.page.evaluate(
            ([kind, file, bytes]) => {
                const data = new DataTransfer();
                data.items.add(new File([new Uint8Array(bytes)], file, { type: 'image/png' }));
                const target = document.getElementById('text');
                const init = { bubbles: true, cancelable: true };
                if (kind === 'paste')
                    target.dispatchEvent(new ClipboardEvent(kind, { ...init, clipboardData: data }));
                else target.dispatchEvent(new DragEvent(kind, { ...init, dataTransfer: data }));
            },
            [type, name, [...picture]],
        );
    await give('paste', 'image.png');
    await tile(alice, 'done').waitFor();
    await give('dragover', 'x.png');
    await alice.page.locator('#drop').waitFor();
    await give('drop', 'dropped.png');
    await alice.page.locator('#drop').waitFor({ state: 'hidden' });
    await tile(alice, 'done').nth(1).waitFor();
    await choose(alice, { name: 'big.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(300_000) });
    await alice.sees('.tile[data-state="failed"]', 'This file is larger than the server takes.');
    assert.ok(await alice.page.isDisabled('#send'));
    await alice.page.getByRole('button', { name: 'Remove big.bin' }).click();
    await choose(alice, png('3.png'), png('4.png'), png('5.png'));
    await alice.sees('#toast', 'A message takes 4 files.');
    await tile(alice, 'done').nth(3).waitFor();
    await alice.page.press('#text', 'Enter');
    await alice.page.locator('#messages .picture').nth(3).waitFor();
});

test('what is sent while nothing gets through waits, and goes once', async (t) => {
    const alice = await enter(t, 'alice', 'wait');
    const bob = await enter(t, 'bob', 'wait');
    await alice.page.locator('#attach').waitFor();
    await alice.context.setOffline(true);
    await choose(alice, png('late.png'));
    await alice.page.fill('#text', 'in the tunnel');
    await alice.page.press('#text', 'Enter');
    await alice.sees('.leaving', 'in the tunnel');
    await alice.page.getByRole('button', { name: 'Take it back' }).click();
    assert.equal(await alice.page.inputValue('#text'), 'in the tunnel');
    await alice.page.press('#text', 'Enter');
    await alice.sees('.leaving', 'goes when its files are there');
    await alice.context.setOffline(false);
    await bob.page.locator('#messages .picture').waitFor({ timeout: 40_000 });
    await bob.sees('.bubble', 'in the tunnel');
    await alice.page.locator('#tray').waitFor({ state: 'hidden' });
    assert.equal(await bob.page.locator('.picture').count(), 1);
});
