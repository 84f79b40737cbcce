/** What becomes of messages, in the page: edited, deleted, reacted to, delivered, read, mentioned. */
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

/** Two people on two instances in a room of their own, the second one with a phone. */
async function meet(t, room) {
    const alice = await Person.enter(t, browser, one.url, `alice-${room}`, DESKTOP);
    const bob = await Person.enter(t, browser, two.url, `bob-${room}`, SMALL);
    await alice.joinRoom(room);
    await bob.page.click('#open-side');
    await bob.joinRoom(room);
    return [alice, bob];
}

const row = (person, text) => person.page.locator('.message', { hasText: text }).last();
const choose = (person, text) =>
    person.page.locator('#action-list').getByText(text, { exact: true }).click();

/** A finger that stays where it is. */
async function longPress(person, text) {
    const { x, y, width, height } = await row(person, text).locator('.bubble').boundingBox();
    const point = { x: x + width / 2, y: y + height / 2 };
    const touch = await person.context.newCDPSession(person.page);
    await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [point] });
    await person.page.waitForSelector('#actions[open]');
    await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
}

test('an edit: by the keyboard, seen by both, and by who comes later', async (t) => {
    const [alice, bob] = await meet(t, 'edit');
    await alice.say('see you at thre');
    await bob.hears('see you at thre');
    await alice.page.keyboard.press('ArrowUp');
    await alice.sees('#editing', 'Editing your message');
    assert.equal(await alice.page.inputValue('#text'), 'see you at thre');
    await alice.page.keyboard.type('e');
    await alice.picture('editing');
    await alice.page.keyboard.press('Enter');
    await bob.hears('see you at three');
    assert.deepEqual(await bob.texts(), ['see you at three']);
    assert.equal(await row(bob, 'three').locator('.edited').textContent(), 'edited');
    await alice.page.locator('#editing').waitFor({ state: 'hidden' });
    assert.equal(await alice.page.inputValue('#text'), '');
    const late = await Person.enter(t, browser, one.url, 'late-edit');
    await late.joinRoom('edit');
    await late.hears('see you at three');
    assert.equal(await row(late, 'three').locator('.edited').count(), 1);
    await alice.page.keyboard.press('ArrowUp');
    await alice.page.keyboard.press('Escape');
    await alice.say('another one');
    await bob.hears('another one');
    assert.deepEqual(await bob.texts(), ['see you at three', 'another one']);
});

test('a deletion asks once, and leaves no text', async (t) => {
    const [alice, bob] = await meet(t, 'delete');
    await alice.say('a secret');
    await bob.hears('a secret');
    await row(alice, 'a secret').hover();
    await row(alice, 'a secret').locator('.more-acts').click();
    await choose(alice, 'Delete');
    await choose(alice, 'Delete it for everybody');
    await bob.hears('Message deleted');
    await alice.hears('Message deleted');
    for (const { page } of [alice, bob])
        assert.equal((await page.content()).includes('a secret'), false, 'nowhere in the page');
    assert.equal(await row(bob, 'Message deleted').locator('.more-acts').count(), 0);
    await bob.page.reload();
    await bob.ready();
    await bob.hears('Message deleted');
});

test('a reaction by a long press, taken back by a chip, and another one by keyboard', async (t) => {
    const [alice, bob] = await meet(t, 'react');
    await alice.say('cake is ready');
    await bob.hears('cake is ready');
    await longPress(bob, 'cake is ready');
    const wide = await bob.page.evaluate(() => document.documentElement.scrollWidth);
    assert.equal(wide, 320);
    const small = await bob.page.locator('#emoji button').evaluateAll((all) =>
        all.map((e) => e.getBoundingClientRect()).filter(({ width, height }) => Math.min(width, height) < 43.9),
    );
    assert.deepEqual(small, []);
    const lines = await bob.page.locator('#emoji button').evaluateAll((all) => new Set(all.map((e) => e.offsetTop)).size);
    assert.equal(lines, 1, 'all in one line');
    await bob.picture('actions-react-320');
    await bob.page.getByRole('button', { name: 'React with 😂' }).click();
    const chip = (person) => row(person, 'cake is ready').locator('.chip');
    await chip(alice).waitFor();
    assert.equal(await chip(alice).getAttribute('aria-label'), '😂 1: bob-react');
    assert.equal(await chip(alice).getAttribute('aria-pressed'), 'false');
    await chip(alice).click();
    await chip(bob).getByText('2').waitFor();
    await bob.picture('reactions-320');
    await chip(bob).click();
    await chip(alice).getByText('1').waitFor();
    assert.equal(await chip(alice).getAttribute('aria-pressed'), 'true');

    await alice.page.locator('#text').focus();
    await alice.page.keyboard.press('Shift+Tab');
    await alice.page.locator('.more-acts:focus').waitFor();
    await alice.page.keyboard.press('ArrowRight');
    await alice.page.locator('.chip:focus').waitFor();
    await alice.page.keyboard.press('ArrowLeft');
    await alice.page.keyboard.press('Enter');
    await alice.page.waitForSelector('#actions[open]');
    await alice.page.getByRole('button', { name: 'Another emoji' }).press('Enter');
    await alice.page.keyboard.type('two words');
    await alice.sees('#picker-note', 'There is no emoji of this name.');
    await alice.page.fill('#picker-text', '❄');
    await alice.page.keyboard.press('Enter');
    await chip(bob).getByText('❄').waitFor();
    await alice.picture('reactions-desktop');
    await alice.page.reload();
    await alice.ready();
    await chip(alice).getByText('❄').waitFor();
    assert.equal(await chip(alice).count(), 2);
});

test('an event far above does not move what one reads', async (t) => {
    const [alice, bob] = await meet(t, 'still');
    await alice.say('the first');
    for (let i = 1; i <= 30; i++) await alice.write(`line ${i}`);
    await bob.hears('line 30');
    const seen = () => bob.page.evaluate(() => {
        const scroller = document.getElementById('scroller');
        const one = [...document.querySelectorAll('.message')].find((row) => row.textContent.includes('line 15'));
        return Math.round(one.getBoundingClientRect().top - scroller.getBoundingClientRect().top);
    });
    await bob.page.evaluate(() => {
        [...document.querySelectorAll('.message')].find((one) => one.textContent.includes('line 15')).scrollIntoView();
    });
    await bob.page.locator('#jump').waitFor();
    const before = await seen();
    await row(alice, 'the first').scrollIntoViewIfNeeded();
    await row(alice, 'the first').locator('.bubble').click({ button: 'right' });
    await alice.page.getByRole('button', { name: 'React with 👍' }).click();
    await bob.page.locator('.chip').waitFor({ state: 'attached' });
    assert.equal(await seen(), before);
});
