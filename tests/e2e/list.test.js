/** The list of messages: what stands between them, what keys and a screen reader make of it, sleep. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESKTOP, Person, PHONE } from './support/browser.js';
import { startPair } from './support/pair.js';
import { startProxy } from './support/server.js';
import { Talker } from './support/talker.js';

const DAY_MS = 86_400_000;
let pair, one, two, browser;

before(async () => {
    pair = await startPair({ RATE_LIMIT_MESSAGES: '0', ARCHIVE: 'sqlite' });
    ({ one, two, browser } = pair);
});

after(() => pair?.stop());

const enter = (t, name, options, url = one.url) => Person.enter(t, browser, url, name, options);

/** What the rows of the list are, in short. */
const rows = ({ page }) =>
    page.locator('#messages > *').evaluateAll((all) =>
        all.map((row) => row.querySelector('.bubble')?.textContent ?? `-- ${row.textContent} --`),
    );

test('a line stands above each day', async (t) => {
    const talker = await new Talker(t, two.ws, 'ages').enter('days');
    for (const text of ['9 long ago', '1 the day before', '1 still then', '0 now']) await talker.say('days', text);
    const reader = await Person.open(t, browser, one.url, 'dated', { ...DESKTOP, locale: 'en-GB' });
    // Messages begin with how many days before they are to have been said.
    await reader.page.routeWebSocket('**/ws', (socket) => {
        const server = socket.connectToServer();
        const past = (message) => {
            const days = Number(/^(\d) /.exec(message.content)?.[1] ?? 0);
            return { ...message, timestamp: message.timestamp - days * DAY_MS };
        };
        server.onMessage((text) => {
            const frame = JSON.parse(text);
            if (frame.type === 'history') frame.messages = frame.messages.map(past);
            socket.send(JSON.stringify(frame));
        });
    });
    await reader.page.reload();
    await reader.join();
    await reader.joinRoom('days');
    await reader.hears('0 now');
    const { timestamp } = talker.messages('days')[0];
    const date = await reader.page.evaluate(
        (ms) => new Date(ms).toLocaleDateString('en-GB', { weekday: 'long', day: 'numeric', month: 'long' }),
        timestamp - 9 * DAY_MS,
    );
    const found = await rows(reader);
    assert.ok(found[0].includes(date.split(' ')[0].replace(',', '')), `${found[0]}: ${date}`);
    assert.deepEqual(found.slice(1), [
        '9 long ago',
        '-- Yesterday --',
        '1 the day before',
        '1 still then',
        '-- Today --',
        '0 now',
    ]);
});

test('what came while one was elsewhere begins below a line that is in sight', async (t) => {
    const talker = await new Talker(t, two.ws, 'teller').enter('tales');
    for (let i = 1; i <= 30; i++) await talker.say('tales', `known ${i}`);
    const reader = await enter(t, 'returner', PHONE);
    const go = async (room) => {
        await reader.page.click('#open-side');
        await reader.go('rooms', room);
    };
    await reader.page.click('#open-side');
    await reader.joinRoom('tales');
    await reader.hears('known 30');
    assert.equal(await reader.page.locator('.divider.new').count(), 0);
    await go('general');
    for (let i = 1; i <= 30; i++) await talker.say('tales', `missed ${i}`);
    await reader.page.click('#open-side');
    await reader.unread('rooms', 'tales', 30);
    await reader.go('rooms', 'tales');
    const line = reader.page.locator('.divider.new');
    await line.waitFor();
    const place = await line.evaluate((element) => {
        const view = document.getElementById('scroller').getBoundingClientRect();
        const { top, bottom } = element.getBoundingClientRect();
        const next = element.nextElementSibling.querySelector('.bubble').textContent;
        return { inSight: top >= view.top && bottom <= view.bottom, next };
    });
    assert.deepEqual(place, { inSight: true, next: 'missed 1' });
    await reader.page.click('#jump');
    await reader.hears('missed 30');
    await go('general');
    await go('tales');
    await reader.hears('missed 30');
    assert.equal(await line.count(), 0, 'it was read');
});

test('by keys: from the field to the messages, through them, and what may be done with one', async (t) => {
    const talker = await new Talker(t, two.ws, 'spoke').enter('keys');
    for (let i = 1; i <= 100; i++) await talker.say('keys', `line ${i}`);
    const reader = await enter(t, 'fingers', DESKTOP);
    await reader.joinRoom('keys');
    await reader.hears('line 100');
    const { page } = reader;
    const at = () =>
        page.evaluate(() => document.activeElement.closest('.message')?.querySelector('.bubble').textContent);
    await page.focus('#text');
    await page.keyboard.press('Shift+Tab');
    assert.equal(await at(), 'line 100', 'the last one is where one comes in');
    for (let i = 99; i >= 40; i--) {
        await page.keyboard.press('ArrowUp'); // rows that were not there are made on the way
        assert.equal(await at(), `line ${i}`);
    }
    const isSeen = await page.evaluate(() => {
        const { top, bottom } = document.activeElement.getBoundingClientRect();
        const view = document.getElementById('scroller').getBoundingClientRect();
        return top >= view.top && bottom <= view.bottom;
    });
    assert.ok(isSeen);
    await page.keyboard.press('ArrowDown');
    assert.equal(await at(), 'line 41');
    const stops = page.locator('.more-acts[tabindex="0"]');
    assert.equal(await stops.count(), 1, 'one stop for all of them');
    assert.equal(await stops.evaluate((e) => e === document.activeElement), true);
    await page.keyboard.press('Enter');
    await page.locator('#actions[open]').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('#actions[open]').waitFor({ state: 'hidden' });
    assert.equal(await at(), 'line 41');
});

test('a long way up and down is not read out again', async (t) => {
    const talker = await new Talker(t, two.ws, 'reciter').enter('epic');
    for (let i = 1; i <= 150; i++) talker.client.sendMessage('epic', `verse ${i}`);
    await talker.hears('epic', 'verse 150');
    const reader = await enter(t, 'ear', DESKTOP);
    await reader.joinRoom('epic');
    await reader.hears('verse 150');
    await reader.page.evaluate(() => {
        globalThis.heard = [];
        const regions = '[aria-live], [role="status"], [role="alert"], [role="log"]';
        const watch = new MutationObserver((all) => {
            for (const { target } of all) if (target.textContent) globalThis.heard.push(target.textContent);
        });
        for (const region of document.querySelectorAll(regions))
            watch.observe(region, { childList: true, characterData: true, subtree: true });
        if (document.querySelector('#messages').closest(regions)) globalThis.heard.push('all of it');
    });
    assert.equal((await reader.allTexts()).length, 150); // up to the beginning and down again
    await talker.say('epic', 'verse 151');
    await reader.hears('verse 151');
    await reader.page.waitForFunction(() => globalThis.heard.length > 0);
    assert.deepEqual(await reader.page.evaluate(() => globalThis.heard), ['reciter: verse 151']);
});

test('a page that was frozen while its connection died catches up once it is awake', async (t) => {
    const talker = await new Talker(t, two.ws, 'awake').enter('dorm');
    const proxy = await startProxy(t, one.port);
    const sleeper = await enter(t, 'sleeper', DESKTOP, `http://127.0.0.1:${proxy.port}/`);
    await sleeper.joinRoom('dorm');
    await talker.say('dorm', 'good night');
    await sleeper.hears('good night');
    const session = await sleeper.context.newCDPSession(sleeper.page);
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    proxy.deafen();
    const night = Array.from({ length: 40 }, (_, i) => `dream ${i + 1}`);
    for (const text of night) await talker.say('dorm', text);
    await session.send('Page.setWebLifecycleState', { state: 'active' });
    await sleeper.page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await sleeper.hears('dream 40');
    await sleeper.say('good morning');
    assert.deepEqual(await sleeper.allTexts(), ['good night', ...night, 'good morning']);
    await talker.hears('dorm', 'good morning');
});

test('without a network it waits, and with one it goes at once', async (t) => {
    const talker = await new Talker(t, two.ws, 'ashore').enter('sea');
    const proxy = await startProxy(t, one.port);
    const sailor = await enter(t, 'sailor', PHONE, `http://127.0.0.1:${proxy.port}/`);
    await sailor.page.click('#open-side');
    await sailor.joinRoom('sea');
    await sailor.context.setOffline(true);
    proxy.cut(); // a browser keeps what is open
    await sailor.sees('#banner', 'Connection lost');
    for (const text of ['one', 'two', 'three']) await sailor.write(text);
    await sailor.sees('#pending .pending', 'Waiting to be sent');
    await talker.say('sea', 'are you there?');
    await sailor.context.setOffline(false); // the page hears of it by itself
    await sailor.hears('three', 10_000);
    await sailor.hears('are you there?');
    await sailor.seesNo('#banner');
    await talker.hears('sea', 'three');
    assert.deepEqual(talker.texts('sea'), ['are you there?', 'one', 'two', 'three']);
});
