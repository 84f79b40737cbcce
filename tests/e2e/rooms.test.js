/** Rooms with an owner, in the page: made, restricted, shared by a link, moderated. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESKTOP, Person, PHONE } from './support/browser.js';
import { startPair } from './support/pair.js';
import { violations } from './support/sight.js';

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

/** Makes a room by the sheet. */
async function create(person, name, { access = 'public', readOnly = false, topic = '' } = {}) {
    const { page } = person;
    if (await page.isVisible('#open-side')) await page.click('#open-side');
    await page.click('#open-create');
    await page.fill('#create-name', name);
    await page.fill('#create-topic', topic);
    await page.selectOption('#create-access', access);
    await page.selectOption('#create-read-only', String(readOnly));
    await assertNarrow(person);
    await page.click('#create-form button[type="submit"]');
    await person.sees('#place', name);
    await person.ready();
}

/** Nothing is wider than the screen, with a sheet open. */
async function assertNarrow({ page }) {
    const wide = await page.evaluate(() =>
        [document.documentElement, ...document.querySelectorAll('dialog[open], dialog[open] .sheet-scroll')]
            .filter((element) => element.scrollWidth > element.clientWidth)
            .map((element) => element.id || element.className),
    );
    assert.deepEqual(wide, []);
}

const link = (person) =>
    person.page.waitForFunction(() => document.getElementById('invite-link').value).then((found) => found.jsonValue());

/** Opens the sheet of the last message of somebody and presses what has this text. */
async function press(person, author, ...texts) {
    const row = person.page.locator('.message', { has: person.page.locator('.author', { hasText: author }) }).last();
    await row.locator('.bubble').click({ button: 'right' });
    for (const text of texts)
        await person.page.locator('#action-list').getByText(text, { exact: true }).click();
}

test('a private room: made on a phone, shared by a link, for members only', async (t) => {
    const olga = await account(t, 'olga', SMALL);
    await create(olga, 'club', { access: 'private', topic: 'Tea & cake' });
    await olga.sees('#place-note', 'Tea & cake');
    assert.equal(await olga.page.getAttribute('#place-sign', 'aria-label'), 'Private room');
    await olga.say('members only');
    await olga.picture('room-private-320');

    const paul = await account(t, 'paul', DESKTOP, two);
    await paul.page.fill('#join-name', 'club');
    await paul.page.press('#join-name', 'Enter');
    await paul.sees('#join-error', 'This room is private. Ask for an invitation.');
    assert.equal(await paul.place('rooms', 'club').count(), 0);

    await olga.page.click('#open-room');
    await olga.sees('#room-kind', 'Private: members only.');
    await olga.picture('room-sheet-top-320');
    await olga.page.click('#invite-form button');
    const url = new URL(await link(olga));
    assert.equal(url.searchParams.size, 0, 'nothing of it reaches a server');
    await assertNarrow(olga);
    await olga.picture('room-sheet-320');

    await paul.page.goto(new URL(url.hash, two.url).href);
    await paul.sees('#place', 'club');
    await paul.hears('members only');
    assert.equal(new URL(paul.page.url()).hash, '#club', 'the code is gone from the address');
    await olga.sees('#room-members li', 'paul');
    await paul.say('thank you');
    await olga.page.keyboard.press('Escape');
    await olga.hears('thank you');
});

test('an invitation waits for an account to be made, and is used up then', async (t) => {
    const owner = await account(t, 'quinn');
    await create(owner, 'den', { access: 'private' });
    await owner.page.click('#open-room');
    await owner.page.click('#invite-form button');
    const { hash } = new URL(await link(owner));
    const [code] = new URLSearchParams(hash.slice(1)).getAll('invite');
    // Without the room the server is asked where it leads.
    const first = await Person.open(t, browser, `${two.url}#invite=${code}`, 'rita');
    await first.sees('#name-error', 'You are invited to a room');
    await first.register();
    await first.sees('#place', 'den');
    const second = await account(t, 'sven');
    await second.page.goto(`${one.url}${hash}`);
    await second.sees('#toast', 'This invitation is wrong, used up or has ended.');
    assert.equal(await second.place('rooms', 'den').count(), 0);
});

test('a read-only room: a sentence stands where others write', async (t) => {
    const owner = await account(t, 'tina');
    await create(owner, 'news', { readOnly: true });
    const reader = await Person.enter(t, browser, two.url, 'uwe', SMALL);
    await reader.page.click('#open-side');
    await reader.joinRoom('news');
    await reader.sees('#barred', 'Only the owner and moderators write here.');
    assert.equal(await reader.page.isVisible('#text'), false);
    await reader.picture('read-only-320');
    await owner.say('for all to read');
    await reader.hears('for all to read');
    await owner.page.click('#open-room');
    await owner.page.selectOption('#room-read-only', 'false');
    await reader.page.waitForSelector('#text', { state: 'visible' });
    await reader.say('at last');
    await owner.page.keyboard.press('Escape');
    await owner.hears('at last');
});

test('a mute, slow mode and a ban: sentences with their time', async (t) => {
    const owner = await account(t, 'vera');
    await create(owner, 'hall');
    const guest = await Person.enter(t, browser, two.url, 'willi');
    await guest.joinRoom('hall');
    await guest.say('first');
    await owner.hears('first');

    await press(owner, 'willi', 'Mute willi…', 'Mute willi for 10 minutes');
    await guest.sees('#barred', /You are muted here for (10|9) minutes\./);
    assert.deepEqual(await violations(guest.page), []);
    await guest.sees('.room-act', 'vera muted willi for 10 minutes');
    await owner.page.click('#open-room');
    await owner.sees('#room-sanctions', 'muted for');
    await owner.page.getByRole('button', { name: 'Lift it for willi' }).click();
    await guest.page.waitForSelector('#text', { state: 'visible' });

    await owner.page.selectOption('#room-slow', '60');
    await guest.sees('.room-act', 'slow mode');
    await guest.say('one');
    await guest.sees('#slow', /^(1:00|[1-5]?\d s)$/);
    assert.deepEqual(await violations(guest.page), []);
    await guest.page.fill('#text', 'two');
    assert.ok(await guest.page.isDisabled('#send'));
    await guest.page.press('#text', 'Enter');
    assert.equal(await guest.page.inputValue('#text'), 'two', 'what was written stays');
    await owner.page.keyboard.press('Escape');

    await press(owner, 'willi');
    await owner.picture('actions-moderator');
    assert.deepEqual(await violations(owner.page), []);
    await owner.page.keyboard.press('Escape');
    await press(owner, 'willi', 'Ban willi…', 'Ban willi for 1 hour');
    await guest.sees('#toast', /You are banned from hall for (1 hour|60 minutes)\./);
    await guest.place('rooms', 'hall').waitFor({ state: 'detached' });
    await guest.page.fill('#join-name', 'hall');
    await guest.page.press('#join-name', 'Enter');
    await guest.sees('#join-error', /You are banned from this room for/);
});

test('roles: a moderator may, a member may not; the room is given away and ended', async (t) => {
    const owner = await account(t, 'xenia');
    const mod = await account(t, 'yann', DESKTOP, two);
    await create(owner, 'board');
    await mod.joinRoom('board');
    await mod.page.click('#open-room');
    await mod.sees('#room-kind', 'It belongs to xenia.');
    assert.equal(await mod.page.isVisible('#room-rules'), false);
    await owner.page.click('#open-room');
    await owner.page.fill('#member-name', 'yann');
    await owner.page.press('#member-name', 'Enter');
    await owner.page.getByLabel('Role of yann').selectOption('moderator');
    await mod.page.waitForSelector('#room-rules', { state: 'visible' });
    assert.ok(await mod.page.isDisabled('#room-access'), 'that is the owner’s');
    await mod.page.fill('#room-topic', 'Planks');
    await mod.page.press('#room-topic', 'Enter');
    await owner.sees('#place-note', 'Planks');

    await owner.page.getByLabel('Role of yann').selectOption('owner');
    await owner.page.getByRole('button', { name: 'Give the room to yann' }).click();
    await mod.page.waitForSelector('#room-end-part', { state: 'visible' });
    await mod.picture('room-sheet-desktop');
    assert.deepEqual(await violations(mod.page), []);
    await owner.page.waitForSelector('#room-end-part', { state: 'hidden' });
    await mod.page.click('#room-end-part summary');
    await mod.page.click('#room-end');
    await owner.sees('#toast', 'board has ended.');
    await owner.place('rooms', 'board').waitFor({ state: 'detached' });
});

test('a room that nobody owns says so, and an account makes it its own', async (t) => {
    const guest = await Person.enter(t, browser, one.url, 'zoe', SMALL);
    await guest.page.click('#open-room');
    await guest.sees('#room-kind', 'This room belongs to nobody');
    assert.equal(await guest.page.isVisible('#room-own'), false);
    await assertNarrow(guest);
    await guest.page.keyboard.press('Escape');
    const anna = await account(t, 'anna');
    await anna.joinRoom('wild');
    await anna.page.click('#open-room');
    await anna.page.click('#room-own');
    await anna.page.fill('#create-topic', 'Tamed');
    await anna.page.press('#create-topic', 'Enter');
    await anna.sees('#place-note', 'Tamed');
});
