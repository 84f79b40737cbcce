/** What reaches those who were away, in the page: ticks, numbers of unread messages, mentions. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESKTOP, Person, PHONE } from './support/browser.js';
import { startPair } from './support/pair.js';

const ENV = { LOGIN_LIMIT_ADDRESS: '0', REGISTER_LIMIT_ADDRESS: '0', RATE_LIMIT_MESSAGES: '0' };
const SMALL = { ...PHONE, viewport: { width: 320, height: 568 } };
let pair, one, two, browser;

before(async () => {
    pair = await startPair(ENV);
    ({ one, two, browser } = pair);
});

after(() => pair?.stop());

const account = (t, name, options, server = one) =>
    Person.registered(t, browser, server.url, name, options);

const tick = (person, text, state) =>
    person.page.locator('.message', { hasText: text }).locator(`.ticks[data-state="${state}"]`).waitFor();

/** A second device of somebody. */
async function device(t, name, options, server = two) {
    const person = await Person.open(t, browser, server.url, name, options);
    await person.page.click('#way-login');
    await person.page.fill('#name', name);
    await person.page.fill('#password', 'correct horse');
    await person.page.press('#password', 'Enter');
    await person.ready();
    return person;
}

test('ticks: stored, delivered, read; numbers at a conversation outlive a reload', async (t) => {
    const anna = await account(t, 'anna');
    const ben = await account(t, 'ben', SMALL, two);
    await ben.page.goto('about:blank'); // he is away
    await anna.page.fill('#join-name', '@ben');
    await anna.page.press('#join-name', 'Enter');
    await anna.sees('#place', 'ben');
    await anna.ready();
    await anna.say('are you there?');
    await anna.say('hello?');
    await tick(anna, 'hello?', 'stored');
    await ben.page.goto(two.url);
    await ben.ready();
    await tick(anna, 'hello?', 'delivered');
    await ben.page.click('#open-side');
    await ben.unread('conversations', 'anna', 2);
    await ben.picture('unread-320');
    await ben.page.reload();
    await ben.ready();
    await ben.page.click('#open-side');
    await ben.unread('conversations', 'anna', 2);
    await ben.go('conversations', 'anna');
    await ben.hears('hello?');
    assert.deepEqual(await ben.texts(), ['are you there?', 'hello?']);
    await tick(anna, 'are you there?', 'read');
    await tick(anna, 'hello?', 'read');
    await anna.picture('ticks-desktop');
    await ben.page.reload();
    await ben.ready();
    await ben.unread('conversations', 'anna', 0);
});

test('a second device gets what the first one got, and what one has read is read on both', async (t) => {
    const cora = await account(t, 'cora');
    const phone = await device(t, 'cora', SMALL);
    const dirk = await account(t, 'dirk', DESKTOP, two);
    await cora.joinRoom('kitchen');
    await phone.page.click('#open-side');
    await phone.page.reload();
    await phone.ready();
    await phone.page.click('#open-side');
    await phone.place('rooms', 'kitchen').waitFor(); // an account's rooms are those of all devices
    await dirk.page.fill('#join-name', '@cora');
    await dirk.page.press('#join-name', 'Enter');
    await dirk.sees('#place', 'cora');
    await dirk.say('for both of you');
    await cora.unread('conversations', 'dirk', 1);
    await phone.unread('conversations', 'dirk', 1);
    await cora.go('conversations', 'dirk');
    await cora.hears('for both of you');
    await phone.unread('conversations', 'dirk', 0);
});

test('mentions: counted, listed, and a jump leads to the message', async (t) => {
    const emil = await account(t, 'emil', SMALL);
    const fee = await account(t, 'fee', DESKTOP, two);
    await emil.page.click('#open-side');
    await emil.joinRoom('garden');
    await fee.joinRoom('garden');
    await emil.page.click('#open-side');
    await emil.go('rooms', 'general');
    await emil.sees('#place', 'general');
    await fee.page.locator('#text').pressSequentially('ask @em');
    await fee.sees('#names', 'emil');
    await fee.picture('names-desktop');
    await fee.page.keyboard.press('Tab');
    await fee.page.keyboard.type('about roses');
    await fee.page.keyboard.press('Enter');
    await fee.hears('ask @emil about roses');
    for (let i = 1; i <= 40; i++) await fee.write(`line ${i}`);
    await fee.hears('line 40');
    await emil.page.click('#open-side');
    await emil.page.locator('#mentions-badge').getByText('1', { exact: true }).waitFor();
    await emil.picture('mentions-row-320');
    await emil.page.click('#open-mentions');
    await emil.sees('#mention-list', 'fee in #garden');
    await emil.picture('mentions-320');
    assert.equal(await emil.page.evaluate(() => document.documentElement.scrollWidth), 320);
    await emil.page.locator('#mention-list button').first().click();
    await emil.sees('#place', 'garden');
    const found = emil.page.locator('.message.found');
    await found.waitFor();
    assert.equal(await found.locator('mark').textContent(), '@emil');
    assert.ok(await found.evaluate((row) => {
        const { top, bottom } = row.getBoundingClientRect();
        return top > 0 && bottom < innerHeight;
    }));
    await emil.picture('mention-found-320');
    await emil.page.reload();
    await emil.ready();
    await emil.page.click('#open-side');
    await emil.page.locator('#open-mentions').waitFor();
    assert.equal(await emil.page.isVisible('#mentions-badge'), false);
});
