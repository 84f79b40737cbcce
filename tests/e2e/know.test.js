/** What one knows without asking: who has it, who is here, what is unread, how the server is. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESKTOP, Person, PHONE } from './support/browser.js';
import { startPair } from './support/pair.js';

const ENV = { RATE_LIMIT_MESSAGES: '0', PRESENCE_TTL_S: '3', LOGIN_LIMIT_ADDRESS: '0', REGISTER_LIMIT_ADDRESS: '0' };
let pair, redis, one, two, browser;

before(async () => {
    pair = await startPair(ENV);
    ({ redis, one, two, browser } = pair);
});

after(() => pair?.stop());

const enter = (t, name, server, options) => Person.enter(t, browser, server.url, name, options);

/** The page is told that it is hidden, sounds and notifications are noted. */
function ears() {
    Object.assign(window, { isHidden: false, tones: 0, asked: 0, told: [] });
    Object.defineProperty(document, 'visibilityState', { get: () => (window.isHidden ? 'hidden' : 'visible') });
    const { start } = OscillatorNode.prototype;
    OscillatorNode.prototype.start = function (at) {
        window.tones++;
        start.call(this, at);
    };
    let permission = 'default';
    window.Notification = class {
        static get permission() {
            return permission;
        }
        static async requestPermission() {
            window.asked++;
            permission = 'granted';
            return permission;
        }
        constructor(title, options) {
            window.told.push(`${title}: ${options.body}`);
        }
        close() {}
    };
}

const ticks = (person, text) => person.page.locator('.message.own', { hasText: text }).locator('.ticks');
const says = (person, text, title) => ticks(person, text).and(person.page.locator(`[title="${title}"]`)).waitFor();

test('in a room: delivered to so many, read by so many, over two instances', async (t) => {
    const anna = await enter(t, 'anna-r', one);
    const ben = await enter(t, 'ben-r', two, PHONE);
    for (const person of [anna, ben]) {
        if (person === ben) await ben.page.click('#open-side');
        await person.joinRoom('club');
    }
    // A plain client says nothing of what it has.
    await anna.page.evaluate(() => {
        const url = new URL('/ws?username=plain-r&room=club', location.href.replace('http', 'ws'));
        window.plain = new WebSocket(url);
        window.plain.onmessage = ({ data }) =>
            JSON.parse(data).type === 'heartbeat' && window.plain.send('{"type":"heartbeat"}');
    });
    await anna.sees('#members', 'plain-r');
    await ben.page.click('#open-side');
    await ben.page.locator('#rooms .place-button').filter({ hasText: 'general' }).click();
    await ben.ready();
    await anna.say('who is there?');
    await says(anna, 'who is there?', 'Delivered to 1 of 2');
    assert.match(await ticks(anna, 'who is there?').textContent(), /^✓ 1\/2/);
    await anna.picture('room-ticks');
    await ben.page.click('#open-side');
    await ben.unread('rooms', 'club', 1);
    await ben.go('rooms', 'club');
    await says(anna, 'who is there?', 'Delivered to 1 of 2, read by 1');
    await anna.page.evaluate(() => window.plain.send('{"type":"leave","room":"club"}'));
    await says(anna, 'who is there?', 'Read by all (1)');
    await anna.page.reload();
    await anna.ready();
    await says(anna, 'who is there?', 'Read by all (1)');
});

test('a hidden page: number in title and icon, a sound, and a notification once it is wanted', async (t) => {
    const cora = await enter(t, 'cora-n', one, { ...DESKTOP, script: ears });
    const dirk = await enter(t, 'dirk-n', two);
    const heard = (what) => cora.page.evaluate((name) => window[name], what);
    const hide = (isHidden) => cora.page.evaluate((value) => {
        window.isHidden = value;
        document.dispatchEvent(new Event('visibilitychange'));
    }, isHidden);
    const icon = () => cora.page.locator('link[rel="icon"]').getAttribute('href');
    const tell = async (text) => {
        await dirk.write(text);
        await dirk.hears(text);
    };
    assert.equal(await icon(), '/favicon.svg');
    await hide(true);
    await tell('only for the room');
    await cora.page.waitForFunction(() => document.title.startsWith('(1) '));
    assert.deepEqual([await heard('tones'), await heard('told')], [0, []]);
    await tell('ask @cora-n');
    await cora.page.waitForFunction(() => window.tones === 2 && document.title.startsWith('(2) '));
    assert.match(decodeURIComponent(await icon()), /^data:image\/svg\+xml,.*>2<\/text>/s);
    assert.deepEqual([await heard('asked'), await heard('told')], [0, []]); // nobody was asked

    await hide(false);
    await cora.page.waitForFunction(() => !document.title.startsWith('('));
    assert.equal(await icon(), '/favicon.svg');
    await cora.page.locator('.open-settings:visible').first().click();
    await cora.page.check('#notice-show');
    await cora.page.uncheck('#notice-sound');
    await cora.picture('settings-notices');
    await cora.page.keyboard.press('Escape');
    assert.equal(await heard('asked'), 1);
    await tell('here you look, @cora-n');
    await cora.hears('here you look, @cora-n');
    assert.deepEqual(await heard('told'), []);
    await hide(true);
    await tell('and now, @cora-n?');
    await cora.page.waitForFunction(() => window.told.length === 1);
    assert.deepEqual(await heard('told'), ['dirk-n in #general: and now, @cora-n?']);
    assert.equal(await heard('tones'), 2); // muted
    await hide(false);
    await cora.page.reload();
    await cora.page.locator('.open-settings:visible').first().click();
    assert.equal(await cora.page.isChecked('#notice-sound'), false);
});

test('who was here, and when; a conversation says whether the other one is here', async (t) => {
    const emil = await enter(t, 'emil-s', one);
    const fee = await Person.enter(t, browser, two.url, 'fee-s');
    await fee.say('I am a guest');
    await emil.hears('I am a guest');
    await emil.page.locator('#members .place-button').filter({ hasText: 'fee-s' }).click();
    await emil.sees('#place', 'fee-s');
    await emil.ready();
    await emil.sees('#place-note', 'Online');
    await emil.say('there you are');
    await emil.page.locator('#conversations .place-button.here').waitFor();
    await fee.page.goto('about:blank');
    await emil.page.locator('#place-note').getByText('seen just now').waitFor({ timeout: 40_000 });
    await emil.go('rooms', 'general');
    await emil.sees('#absent', 'fee-s');
    await emil.sees('#absent .seen', 'seen just now');
    await emil.picture('seen-lately');
});

test('the foot tells way and instance; a sheet behind it what the server knows', async (t) => {
    const gwen = await enter(t, 'gwen-h', one, { viewport: { width: 1280, height: 800 } });
    await gwen.page.locator('#connection').getByText(/^[\d.]+ ms · [0-9a-f]{4}$/).waitFor();
    await gwen.page.click('#open-health');
    await gwen.sees('#health-list', 'Connected here');
    const stats = await (await fetch(`${one.url}/api/v1/stats`)).json();
    await gwen.sees('#health-list', stats.instance);
    await gwen.sees('#health-list', stats.redis.state);
    await gwen.picture('health');
    await gwen.page.keyboard.press('Escape');
    await gwen.seesNo('#health');
});

test('one types: told every 3 s at most, shown for 6 s', async (t) => {
    const hugo = await Person.open(t, browser, one.url, 'hugo-t');
    const typed = [];
    hugo.page.on('websocket', (socket) =>
        socket.on('framesent', ({ payload }) => {
            if (JSON.parse(payload).type === 'typing') typed.push(Date.now());
        }),
    );
    await hugo.page.reload();
    await hugo.join();
    const ida = await enter(t, 'ida-t', two);
    await ida.sees('#members', 'hugo-t');
    const began = Date.now();
    await hugo.page.locator('#text').pressSequentially('a'.repeat(35), { delay: 100 });
    const lasted = Date.now() - began;
    await ida.sees('#typing', 'hugo-t is typing…');
    assert.ok(typed.length >= 2 && typed.length <= 1 + Math.floor(lasted / 3000), `${typed.length} in ${lasted} ms`);
    assert.ok(typed.slice(1).every((at, i) => at - typed[i] > 2900));
    await ida.page.locator('#typing').getByText('hugo-t').waitFor({ state: 'detached' });
    const shown = Date.now() - typed[typed.length - 1];
    assert.ok(shown > 5500 && shown < 9000, `shown for ${shown} ms`);
});
