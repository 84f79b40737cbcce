/** The page on small and large screens; pictures of it are look.test.js's. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESKTOP, launch, Person, PHONE } from './support/browser.js';
import { startConfab, startRedis } from './support/server.js';

const TOUCH_PX = 44;
let redis, server, browser;

before(async () => {
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
