/** People who chat: each test with pages of its own, on two instances. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Person } from './support/browser.js';
import { startPair } from './support/pair.js';

let machines, one, two, browser;

before(async () => {
    machines = await startPair({ RATE_LIMIT_MESSAGES: '0' });
    ({ one, two, browser } = machines);
});

after(() => machines?.stop());

/** Two people on two instances, in a room of their own. */
async function pair(t, room, options) {
    const people = [
        await Person.enter(t, browser, one.url, `alice-${room}`, options),
        await Person.enter(t, browser, two.url, `bob-${room}`, options),
    ];
    for (const person of people) await person.joinRoom(room);
    return people;
}

test('two users on two instances chat, and see who is there', async (t) => {
    const [alice, bob] = await pair(t, 'talk');
    await alice.say('good morning');
    await bob.hears('good morning');
    await bob.say('and to you');
    await alice.hears('and to you');
    assert.deepEqual(await alice.texts(), ['good morning', 'and to you']);
    assert.deepEqual(await bob.texts(), ['good morning', 'and to you']);
    await alice.place('members', 'bob-talk').waitFor();
    await alice.sees('#place-note', '2 people here');
    await alice.sees('#messages .message:not(.own) .author', 'bob-talk');
    await alice.sees('#messages .message.own .bubble', 'good morning');
});

test('a reload comes back with the same name, room and history', async (t) => {
    const [alice, bob] = await pair(t, 'reload');
    await alice.say('before');
    await bob.say('also before');
    await bob.page.reload();
    await bob.ready();
    await bob.hears('also before');
    assert.deepEqual(await bob.texts(), ['before', 'also before']);
    await bob.sees('#me-name', 'bob-reload');
    await bob.sees('#place', 'reload');
    await alice.say('after');
    await bob.hears('after');
});

test('private chat: a click on a person, both directions, listed, seen', async (t) => {
    const [alice, bob] = await pair(t, 'secret');
    await alice.place('members', 'bob-secret').click();
    await alice.sees('#place', 'bob-secret');
    await alice.ready();
    await alice.say('just us');
    await bob.unread('conversations', 'alice-secret', 1);
    await bob.go('conversations', 'alice-secret');
    await bob.hears('just us');
    await bob.unread('conversations', 'alice-secret', 0);
    await alice.page.locator('.ticks[data-state="read"]').getByText('Read').waitFor();
    await bob.say('hush');
    await alice.hears('hush');
    assert.deepEqual(await alice.texts(), ['just us', 'hush']);
    await alice.page.reload();
    await alice.ready();
    await alice.hears('hush');
    assert.deepEqual(await alice.texts(), ['just us', 'hush']);
});

test('typing is seen and ends with the message', async (t) => {
    const [alice, bob] = await pair(t, 'type');
    await alice.page.locator('#text').pressSequentially('hel');
    await bob.sees('#typing', 'alice-type is typing…');
    await alice.say('hello');
    await bob.hears('hello');
    await bob.sees('#typing', /^$/);
});

test('unread messages of another room are counted and marked', async (t) => {
    const [alice, bob] = await pair(t, 'garden');
    await alice.say('seen');
    await bob.hears('seen');
    await bob.go('rooms', 'general');
    await alice.say('roses');
    await alice.say('tulips');
    await bob.unread('rooms', 'garden', 2);
    assert.match(await bob.page.title(), /^\(\d+\)/);
    await bob.go('rooms', 'garden');
    await bob.hears('tulips');
    await bob.unread('rooms', 'garden', 0);
    const order = await bob.page.locator('#messages .bubble, #messages .new').allTextContents();
    assert.deepEqual(order, ['seen', 'New', 'roses', 'tulips']);
    await bob.page.reload();
    await bob.ready();
    await bob.hears('tulips');
    await bob.unread('rooms', 'garden', 0);
});

test('a room that is left is gone from the list and is not announced any more', async (t) => {
    const [alice, bob] = await pair(t, 'short');
    await bob.page.getByRole('button', { name: 'Leave short' }).click();
    await bob.place('rooms', 'short').waitFor({ state: 'detached' });
    await bob.sees('#place', 'general');
    await alice.place('members', 'bob-short').waitFor({ state: 'detached' });
    await alice.say('alone');
    await bob.page.reload();
    await bob.ready();
    assert.equal(await bob.place('rooms', 'short').count(), 0);
});

test('a name in use is refused with a sentence, and another one works', async (t) => {
    const alice = await Person.enter(t, browser, one.url, 'unique');
    const thief = await Person.open(t, browser, two.url, 'thief');
    await thief.page.fill('#name', 'not a name');
    await thief.page.click('#enter');
    await thief.sees('#name-error', 'A name has letters');
    await thief.page.fill('#name', 'unique');
    await thief.page.click('#enter');
    await thief.sees('#name-error', 'Somebody uses this name. If it is yours, log in.');
    await thief.join('someone-else');
    await alice.place('members', 'someone-else').waitFor();
});

test('a second tab is the same user', async (t) => {
    const [alice, bob] = await pair(t, 'tabs');
    const tab = await bob.context.newPage();
    await tab.goto(two.url);
    await tab.waitForSelector('body[data-connection="online"]');
    await alice.say('to both');
    await tab.locator('#rooms .place-button').filter({ hasText: 'tabs' }).click();
    await tab.locator('#messages .bubble').getByText('to both').waitFor();
    await bob.hears('to both');
    await alice.sees('#place-note', '2 people here');
});

test('who goes and comes back as somebody else starts anew', async (t) => {
    const [alice, bob] = await pair(t, 'again');
    await alice.say('for bob');
    await bob.hears('for bob');
    await bob.page.click('#quit');
    assert.equal(await bob.page.inputValue('#name'), 'bob-again');
    await bob.page.reload();
    await bob.page.waitForSelector('body[data-screen="start"]');
    await bob.join('rob-again');
    await bob.go('rooms', 'general');
    await bob.joinRoom('again');
    await bob.say('I am new here');
    await alice.hears('I am new here');
    await alice.sees('#messages .author', 'rob-again');
    await bob.page.click('#quit');
    await bob.join('bob-again');
    await bob.go('rooms', 'again');
    await bob.hears('I am new here');
    await bob.sees('#me-name', 'bob-again');
});

test('content is text: markup stays text, links are links', async (t) => {
    const [alice, bob] = await pair(t, 'safe');
    const text =
        '<img src=x onerror=alert(1)> see (https://example.org/a_(b)?c=1). javascript:alert(2)';
    await alice.say(text);
    await bob.hears(text);
    const links = await bob.page
        .locator('#messages a')
        .evaluateAll((all) => all.map((a) => [a.href, a.rel]));
    assert.deepEqual(links, [['https://example.org/a_(b)?c=1', 'noopener noreferrer nofollow']]);
    assert.equal(await bob.page.locator('#messages img').count(), 0);
});

test('who reads further up is not moved, and a button leads back', async (t) => {
    const [alice, bob] = await pair(t, 'scroll');
    for (let i = 1; i <= 40; i++) await alice.write(`line ${i}`);
    await bob.hears('line 40');
    const scroller = bob.page.locator('#scroller');
    await scroller.evaluate((element) => (element.scrollTop = 200));
    await bob.page.locator('#jump').waitFor();
    const read = (await bob.messageAtTop()).seq;
    const { top } = await bob.messageAtTop(read);
    await alice.say('news');
    await bob.sees('#jump', '1 new message');
    assert.equal((await bob.messageAtTop(read)).top, top);
    await bob.page.click('#jump');
    await bob.page.locator('#jump').waitFor({ state: 'hidden' });
    assert.ok(await scroller.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight < 80));
});

test('the counter appears near the limit and an oversized message cannot be sent', async (t) => {
    const alice = await Person.enter(t, browser, one.url, 'verbose');
    await alice.page.fill('#text', 'é'.repeat(2000));
    await alice.sees('#counter', '96 bytes left');
    await alice.page.fill('#text', 'é'.repeat(2049));
    await alice.sees('#counter', '2 bytes too long');
    assert.ok(await alice.page.locator('#send').isDisabled());
});

test('the keyboard is enough', async (t) => {
    const alice = await Person.open(t, browser, one.url, 'keys');
    await alice.page.locator('#name:focus').waitFor();
    await alice.page.keyboard.type('keys');
    await alice.page.keyboard.press('Enter');
    await alice.ready();
    await alice.page.locator('#text:focus').waitFor();
    await alice.page.keyboard.type('two');
    await alice.page.keyboard.press('Shift+Enter');
    await alice.page.keyboard.type('lines');
    await alice.page.keyboard.press('Enter');
    await alice.hears('two\nlines');
});
