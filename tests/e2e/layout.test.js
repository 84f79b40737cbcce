/** The page on small and large screens, light and dark. Pictures go to artifacts/. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DESKTOP, launch, Person, PHONE } from './support/browser.js';
import { startConfab, startRedis } from './support/server.js';
import { Talker } from './support/talker.js';

const ARTIFACTS = fileURLToPath(new URL('./artifacts/', import.meta.url));
const TOUCH_PX = 44;
let redis, server, browser;

before(async () => {
    await mkdir(ARTIFACTS, { recursive: true });
    redis = await startRedis();
    [server, browser] = await Promise.all([
        startConfab(redis, { env: { RATE_LIMIT_MESSAGES: '0' } }),
        launch(),
    ]);
});

after(async () => {
    await browser?.close();
    await server?.stop();
    await redis?.stop();
});

const open = (t, name, options) => Person.enter(t, browser, server.url, name, options);

async function assertNoSidewaysScroll(page) {
    const wide = await page.evaluate(() =>
        [document.documentElement, document.getElementById('scroller')].map(
            (e) => e.scrollWidth - e.clientWidth,
        ),
    );
    assert.deepEqual(wide, [0, 0]);
}

async function settled(page, selector) {
    await page
        .locator(selector)
        .evaluate((e) => Promise.all(e.getAnimations().map((a) => a.finished)));
}

for (const width of [320, 360]) {
    test(`a phone of ${width} px: no sideways scroll, large targets, drawers`, async (t) => {
        const bob = await open(t, `phone-${width}`, { ...PHONE, viewport: { width, height: 640 } });
        const { page } = bob;
        await bob.say(
            `a ${'very '.repeat(30)}long line and https://example.org/${'x'.repeat(200)}`,
        );
        await assertNoSidewaysScroll(page);
        for (const id of ['#open-side', '#open-people', '#send', '#text'])
            assert.ok(
                (await page.locator(id).boundingBox()).height >= TOUCH_PX,
                `${id} is large enough`,
            );

        assert.ok(await page.locator('#side').evaluate((e) => e.inert), 'a closed drawer is inert');
        await page.click('#open-side');
        await settled(page, '#side');
        await page.locator('#rooms .place-button').first().waitFor();
        assert.equal(await page.getAttribute('#open-side', 'aria-expanded'), 'true');
        await page.keyboard.press('Escape');
        await page.locator('#side').waitFor({ state: 'hidden' });
        await page.locator('#open-side:focus').waitFor();

        await page.click('#open-side');
        await bob.joinRoom('pocket');
        await page.locator('#side').waitFor({ state: 'hidden' });
        await bob.sees('#place', 'pocket');

        await page.click('#open-people');
        await settled(page, '#people');
        await bob.place('members', `phone-${width}`).waitFor();
        await page.locator('#scrim').click({ position: { x: 8, y: 300 } });
        await page.locator('#people').waitFor({ state: 'hidden' });
        await assertNoSidewaysScroll(page);
    });
}

test('the field stays in sight when a keyboard makes the page small', async (t) => {
    const bob = await open(t, 'keyboard', { ...PHONE, viewport: { width: 360, height: 640 } });
    for (let i = 1; i <= 12; i++) await bob.say(`line ${i}`);
    await bob.page.setViewportSize({ width: 360, height: 330 });
    await bob.page.waitForFunction(() => innerHeight === 330);
    const box = await bob.page.locator('#text').boundingBox();
    assert.ok(box.y + box.height <= 330);
    await bob.page.waitForFunction(() => {
        const { scrollHeight, scrollTop, clientHeight } = document.getElementById('scroller');
        return scrollHeight - scrollTop - clientHeight < 80;
    });
});

test('it works without a secure context, as on http://192.168.…', async (t) => {
    const env = { ALLOWED_HOSTS: 'chat.test' };
    const lan = await startConfab(redis, { t, env });
    const url = `http://chat.test:${lan.port}/`;
    const bob = await Person.enter(t, browser, url, 'lan');
    assert.equal(await bob.page.evaluate(() => isSecureContext), false);
    await bob.say('hello over plain HTTP');
});

test('everything that can be pressed has a name', async (t) => {
    const bob = await open(t, 'named', DESKTOP);
    const nameless = await bob.page
        .locator('button:visible, input:visible, textarea:visible')
        .evaluateAll((all) =>
            all
                .filter(
                    (e) =>
                        !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length),
                )
                .map((e) => e.outerHTML),
        );
    assert.deepEqual(nameless, []);
});

test('pictures of phone and desktop, light and dark', async (t) => {
    const carol = await open(t, 'carol', DESKTOP);
    await carol.joinRoom('pictures');
    for (const [device, options] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
        for (const colorScheme of ['light', 'dark']) {
            const person = await Person.open(t, browser, server.url, `${device}-${colorScheme}`, {
                ...options,
                colorScheme,
            });
            await person.page.screenshot({
                path: `${ARTIFACTS}${device}-${colorScheme}-start.png`,
            });
            await person.join();
            if (device === 'phone') await person.page.click('#open-side');
            await person.joinRoom('pictures');
            await person.say(`hello from a ${device} in ${colorScheme}`);
            await carol.say(`welcome, ${device}`);
            await person.hears(`welcome, ${device}`);
            await person.page.screenshot({ path: `${ARTIFACTS}${device}-${colorScheme}.png` });
            await assertNoSidewaysScroll(person.page);
            const background = await person.page.evaluate(
                () => getComputedStyle(document.body).backgroundColor,
            );
            const [red] = background.match(/\d+/).map(Number);
            assert.equal(red > 128, colorScheme === 'light');
        }
    }
});

test('pictures of trouble, phone and desktop', async (t) => {
    const env = { RATE_LIMIT_MESSAGES: '0' };
    const mortal = await startConfab(redis, { t, env });
    const talker = await new Talker(t, server.ws, 'carlos').enter('general');
    await talker.say('general', 'Has anybody seen the train?');
    const people = [];
    for (const [device, options] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
        const person = await Person.enter(t, browser, mortal.url, `${device}-user`, options);
        await person.say('Not yet.');
        people.push({ device, person });
    }
    const picture = (what) =>
        Promise.all(
            people.map(async ({ device, person }) => {
                await assertNoSidewaysScroll(person.page);
                await person.page.screenshot({ path: `${ARTIFACTS}${device}-${what}.png` });
            }),
        );
    const each = (run) => Promise.all(people.map(({ person }) => run(person)));

    redis.child.signal('SIGSTOP');
    try {
        await each((person) => person.write('Is it only me?'));
        await each((person) => person.sees('#banner', 'The server is in trouble'));
        await picture('degraded');
    } finally {
        redis.child.signal('SIGCONT');
    }
    await each((person) => person.hears('Is it only me?', 20_000));
    await each((person) => person.write('\u200b'));
    await each((person) => person.sees('#pending .pending', 'Not sent.'));
    await picture('failed');
    await mortal.kill();
    await each((person) => person.sees('#banner', 'Connection lost'));
    await each((person) => person.write('I go into the tunnel'));
    await picture('offline');
    for (let i = 1; i <= 104; i++) talker.client.sendMessage('general', `Stop ${i}`);
    await talker.hears('general', 'Stop 104');
    await startConfab(redis, { t, env, port: mortal.port });
    await each((person) => person.page.evaluate(() => dispatchEvent(new Event('online'))));
    // the one who is back first may have written to the room before the other is back
    await each((person) => person.sees('#toast.shown', /Caught up: 100 messages, [45] lost/));
    await each((person) => settled(person.page, '#toast'));
    await picture('caught-up');
});
