/** What the page does when servers die, Redis hangs and limits are hit. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, Person } from './support/browser.js';
import { startConfab, startProxy, startRedis } from './support/server.js';
import { Talker } from './support/talker.js';

const FREE = { RATE_LIMIT_MESSAGES: '0' };
let redis, one, browser;

before(async () => {
    redis = await startRedis();
    [one, browser] = await Promise.all([startConfab(redis, { env: FREE }), launch()]);
});

after(async () => {
    await browser?.close();
    await one?.stop();
    await redis?.stop();
});

const numbered = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => `n${i + from}`);

/** The connection comes back: at once if the page waits. */
async function reconnected(person) {
    await person.page.evaluate(() => dispatchEvent(new Event('online')));
    await person.ready();
}

test('a page whose server died catches up: nothing twice, right order', async (t) => {
    const mortal = await startConfab(redis, { t, env: FREE });
    const alice = await new Talker(t, one.ws, 'alice').enter('general');
    const bob = await Person.enter(t, browser, mortal.url, 'bob');
    await alice.say('general', 'n1');
    await bob.hears('n1');
    await mortal.kill();
    await bob.sees('#banner', 'Connection lost');
    for (const text of numbered(2, 6)) await alice.say('general', text);
    await bob.write('from the tunnel');
    await bob.sees('#pending .pending', 'Waiting to be sent');
    const again = await startConfab(redis, { t, port: mortal.port, env: FREE });
    await reconnected(bob);
    await bob.hears('n6');
    await bob.sees('#toast', 'Caught up: 5 messages');
    await bob.hears('from the tunnel');
    await alice.hears('general', 'from the tunnel');
    assert.deepEqual(await bob.texts(), [...numbered(1, 6), 'from the tunnel']);
    assert.deepEqual(alice.texts('general'), [...numbered(1, 6), 'from the tunnel']);
    await bob.seesNo('#banner');
    assert.equal(await bob.page.locator('#pending .pending').count(), 0);
});

test('a busy room is shown completely and the list stays bounded', async (t) => {
    const alice = await new Talker(t, one.ws, 'alice7').enter('busy');
    const bob = await Person.enter(t, browser, one.url, 'bob7');
    await bob.joinRoom('busy');
    const count = 1200;
    for (const text of numbered(1, count)) alice.client.sendMessage('busy', text);
    await alice.hears('busy', `n${count}`, 30_000);
    await bob.page
        .locator('#messages > :last-child')
        .filter({ hasText: `n${count}` })
        .waitFor();
    await bob.page.locator('#jump').waitFor({ state: 'hidden' });
    const rows = await bob.page.locator('#messages > *').count();
    assert.ok(rows < 150, `${rows} rows at once`);
    const texts = await bob.allTexts();
    assert.ok(texts.length >= 600, `${texts.length} of them kept`);
    assert.deepEqual(texts, numbered(count - texts.length + 1, count));
});

test('messages that Redis no longer keeps leave a visible gap', async (t) => {
    const mortal = await startConfab(redis, { t, env: FREE });
    const alice = await new Talker(t, one.ws, 'alice2').enter('gap');
    const bob = await Person.enter(t, browser, mortal.url, 'bob2');
    await bob.joinRoom('gap');
    await alice.say('gap', 'n1');
    await bob.hears('n1');
    await mortal.kill();
    for (const text of numbered(2, 106)) alice.client.sendMessage('gap', text);
    await alice.hears('gap', 'n106');
    const again = await startConfab(redis, { t, port: mortal.port, env: FREE });
    await reconnected(bob);
    await bob.hears('n106');
    await bob.sees('#toast', 'Caught up: 100 messages, 5 lost');
    const lost = '5 messages could not be recovered';
    assert.deepEqual(await bob.allTexts(':is(.bubble, .gap)'), ['n1', lost, ...numbered(7, 106)]);
});

test('while Redis is away a message waits, and is delivered once afterwards', async (t) => {
    const alice = await Person.enter(t, browser, one.url, 'alice3');
    const bob = await Person.enter(t, browser, one.url, 'bob3');
    for (const person of [alice, bob]) await person.joinRoom('patience');
    redis.child.signal('SIGSTOP');
    await alice.write('is anybody there?');
    await alice.sees('#banner', 'The server is in trouble');
    await alice.sees('#pending .pending', 'Waiting to be sent');
    redis.child.signal('SIGCONT');
    await alice.hears('is anybody there?', 30_000);
    await bob.hears('is anybody there?', 30_000);
    await alice.seesNo('#banner');
    await alice.page.locator('#pending .pending').waitFor({ state: 'detached' });
    await bob.say('yes');
    await alice.hears('yes');
    assert.deepEqual(await alice.texts(), ['is anybody there?', 'yes']);
    assert.deepEqual(await bob.texts(), ['is anybody there?', 'yes']);
});

test('over the rate limit: a countdown, then everything arrives in order', async (t) => {
    const strict = await startConfab(redis, {
        t,
        env: { RATE_LIMIT_MESSAGES: '3', RATE_LIMIT_WINDOW_S: '3' },
    });
    const alice = await Person.enter(t, browser, strict.url, 'alice4');
    await alice.joinRoom('hasty');
    for (const text of numbered(1, 5)) await alice.write(text);
    await alice.sees('#notice', /Sending goes on in [1-3] s/);
    await alice.sees('#pending .pending', 'Waiting to be sent');
    await alice.hears('n5');
    await alice.seesNo('#notice');
    assert.deepEqual(await alice.texts(), numbered(1, 5));
});

test('what was not sent survives a reload', async (t) => {
    const mortal = await startConfab(redis, { t, env: FREE });
    const alice = await new Talker(t, one.ws, 'alice5').enter('keep');
    const bob = await Person.enter(t, browser, mortal.url, 'bob5');
    await bob.joinRoom('keep');
    await mortal.kill();
    await bob.write('kept');
    await bob.sees('#pending .pending', 'Waiting to be sent');
    const again = await startConfab(redis, { t, port: mortal.port, env: FREE });
    await bob.page.reload();
    await bob.ready();
    await bob.hears('kept');
    await alice.hears('keep', 'kept');
    assert.deepEqual(alice.texts('keep'), ['kept']);
});

test('a message that the server refuses for good can be tried again or removed', async (t) => {
    const bob = await Person.enter(t, browser, one.url, 'bob6');
    await bob.write('\u200b'); // invisible, but not white space to the browser
    await bob.sees('#pending .pending', 'Not sent. This message is empty or too long.');
    await bob.page.getByRole('button', { name: 'Try again' }).click();
    await bob.sees('#pending .pending', 'Not sent.');
    await bob.page.getByRole('button', { name: 'Remove' }).click();
    await bob.page.locator('#pending .pending').waitFor({ state: 'detached' });
});

test('a page that wakes up replaces a dead connection within seconds', async (t) => {
    const alice = await new Talker(t, one.ws, 'alice8').enter('general');
    const SIGNS = {
        online: () => dispatchEvent(new Event('online')),
        pageshow: () => dispatchEvent(new Event('pageshow')),
        visible: () => document.dispatchEvent(new Event('visibilitychange')),
    };
    const asleep = await Promise.all(
        Object.entries(SIGNS).map(async ([name, wake]) => {
            const proxy = await startProxy(t, one.port);
            const url = `http://127.0.0.1:${proxy.port}/`;
            return { wake, proxy, person: await Person.enter(t, browser, url, name) };
        }),
    );
    for (const { proxy } of asleep) proxy.deafen();
    await alice.say('general', 'wake up');
    await Promise.all(
        asleep.map(async ({ person, wake }) => {
            await person.page.evaluate(wake);
            await person.hears('wake up', 10_000); // without it: 62 s, after 2.5 heartbeats
        }),
    );
});
