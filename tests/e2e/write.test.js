/** Writing: drafts, quotes, marked text, emoji, addresses of messages. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESKTOP, Person, PHONE } from './support/browser.js';
import { startPair } from './support/pair.js';

let machines, one, two, browser;

before(async () => {
    machines = await startPair({ RATE_LIMIT_MESSAGES: '0', ALLOWED_HOSTS: 'chat.test' });
    ({ one, two, browser } = machines);
});

after(() => machines?.stop());

async function enter(t, name, room, options, url = one.url) {
    const person = await Person.enter(t, browser, `${url}#${room}`, `${name}-${room}`, options);
    await person.sees('#place', room);
    return person;
}

const field = (person) => person.page.inputValue('#text');
const row = (person, text) => person.page.locator('#messages .message').filter({ hasText: text });

const toTop = (person) => person.page.evaluate(() => (document.getElementById('scroller').scrollTop = 0));

/** Opens what may be done with a message and chooses one of it. */
async function act(person, text, name) {
    await row(person, text).locator('.bubble').first().click({ button: 'right' });
    await person.page.locator('#actions').getByRole('button', { name, exact: true }).click();
}

test('a draft is kept per place, over other places and a reload, until it is sent', async (t) => {
    const alice = await enter(t, 'alice', 'draft');
    await alice.joinRoom('other');
    await alice.go('rooms', 'draft');
    await alice.page.fill('#text', 'half a thought\n  and more');
    await alice.go('rooms', 'other');
    assert.equal(await field(alice), '');
    await alice.page.fill('#text', 'elsewhere');
    await alice.page.reload();
    await alice.ready();
    assert.equal(await field(alice), 'elsewhere');
    await alice.go('rooms', 'draft');
    assert.equal(await field(alice), 'half a thought\n  and more');
    await alice.page.press('#text', 'Enter');
    await alice.sees('#messages .bubble', 'half a thought');
    await alice.page.reload();
    await alice.ready();
    assert.equal(await field(alice), '');
});

test('keys of an input method are its own, Shift+Enter is a new line, the field grows', async (t) => {
    const alice = await enter(t, 'alice', 'keys');
    await alice.page.fill('#text', 'にほん');
    const height = () => alice.page.locator('#text').evaluate((e) => e.clientHeight);
    const low = await height();
    await alice.page.locator('#text').evaluate((text) => {
        const press = (more) =>
            text.dispatchEvent(
                new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...more }),
            );
        press({ isComposing: true });
        press({ keyCode: 229 });
    });
    assert.equal(await field(alice), 'にほん');
    await alice.page.locator('#text').press('Shift+Enter');
    await alice.page.keyboard.type('two');
    await alice.page.locator('#text').press('Shift+Enter');
    assert.equal(await field(alice), 'にほん\ntwo\n');
    assert.ok((await height()) >= low + 40);
    await alice.page.locator('#text').press('Enter');
    await alice.sees('#messages .bubble', 'にほん');
    assert.deepEqual(await alice.texts(), ['にほん\ntwo']);
    assert.equal(await height(), low);
});

test('marked text is shown as such, and nothing in it becomes markup', async (t) => {
    const alice = await enter(t, 'alice', 'marked');
    const text = [
        '**bold** and *italic*, ~~gone~~, `code`',
        '- one',
        '- two',
        '```',
        'if (a < b) return "**";',
        '```',
        '<img src=x onerror=alert(1)> <b>no</b> [notes](https://a.test/n) javascript:alert(1)',
    ].join('\n');
    await alice.page.fill('#text', text);
    await alice.page.press('#text', 'Enter');
    const bubble = alice.page.locator('#messages .bubble');
    await bubble.waitFor();
    const seen = await bubble.evaluate((e) =>
        [...e.querySelectorAll('*')].map((one) => `${one.localName} ${one.textContent}`),
    );
    assert.deepEqual(seen, [
        'strong bold', 'em italic', 'del gone', 'code code', 'ul onetwo', 'li one', 'li two',
        'pre if (a < b) return "**";', 'code if (a < b) return "**";',
        'a notes (a.test)', 'span  (a.test)',
    ]);
    assert.match(await bubble.textContent(), /<img src=x onerror=alert\(1\)> <b>no<\/b>/);
    const link = bubble.locator('a');
    assert.equal(await link.getAttribute('rel'), 'noopener noreferrer nofollow');
    await alice.picture('marked-desktop');
});

test('an answer quotes, leads to what it quotes, and stays a quote when it is changed', async (t) => {
    const alice = await enter(t, 'alice', 'quote');
    const bob = await enter(t, 'bob', 'quote', PHONE, two.url);
    await alice.write('shall we **meet** at four?');
    for (let i = 0; i < 30; i++) await alice.write(`line ${i}`);
    await bob.hears('line 29');
    await toTop(bob);
    await act(bob, 'at four?', 'Answer');
    await bob.sees('#quoted-name', 'alice-quote');
    await bob.sees('#quoted-text', 'at four?');
    await bob.picture('quoting-phone');
    await bob.page.keyboard.type('at five');
    await bob.page.reload(); // it belongs to the draft
    await bob.ready();
    await bob.sees('#quoted-name', 'alice-quote');
    assert.equal(await field(bob), 'at five');
    await bob.page.press('#text', 'Enter');
    await bob.seesNo('#quoting');
    const quote = row(alice, 'at five').locator('blockquote');
    await quote.getByText('meet').waitFor();
    assert.equal(await quote.locator('strong').count(), 1);
    await alice.picture('quoted-desktop');
    await quote.locator('.to-message').click();
    await alice.page.locator('.message.found').getByText('at four?').waitFor();
    assert.match(await alice.page.locator('.message.found').textContent(), /shall we/);

    await bob.page.locator('#text').press('ArrowUp');
    assert.equal(await field(bob), 'at five');
    await bob.sees('#quoted-name', 'alice-quote');
    await bob.page.fill('#text', 'at six');
    await bob.page.press('#text', 'Enter');
    await alice.page.click('#jump');
    await alice.sees('#messages .bubble', 'at six');
    assert.equal(await row(alice, 'at six').locator('blockquote').count(), 1);
});

test('a quote in a conversation leads there for both', async (t) => {
    const alice = await enter(t, 'alice', 'both');
    const bob = await enter(t, 'bob', 'both', DESKTOP, two.url);
    await alice.place('members', 'bob-both').click();
    await alice.ready();
    await alice.say('psst');
    await bob.go('conversations', 'alice-both');
    await bob.hears('psst');
    await act(bob, 'psst', 'Answer');
    await bob.page.keyboard.type('what?');
    await bob.page.keyboard.press('Enter');
    for (const person of [alice, bob]) {
        await row(person, 'what?').locator('.to-message').click();
        await person.page.locator('.message.found').getByText('psst').waitFor();
        await person.sees('#place', person === alice ? 'bob-both' : 'alice-both');
    }
});

test('Escape takes a quote away, then an edit back, and the draft stays', async (t) => {
    const alice = await enter(t, 'alice', 'escape');
    await alice.say('first');
    await alice.page.fill('#text', 'a draft');
    await act(alice, 'first', 'Answer');
    await alice.page.keyboard.press('Escape');
    await alice.seesNo('#quoting');
    assert.equal(await field(alice), 'a draft');
    await act(alice, 'first', 'Edit');
    assert.equal(await field(alice), 'first');
    await alice.page.keyboard.press('Escape');
    assert.equal(await field(alice), 'a draft');
});

test('the address of a message is copied without a clipboard API, and leads to it', async (t) => {
    const url = one.url.replace(/\/\/[^:/]+/, '//chat.test'); // not a secure context
    const alice = await enter(t, 'alice', 'address', DESKTOP, url);
    assert.equal(await alice.page.evaluate(() => 'clipboard' in navigator), false);
    await alice.say('the one');
    for (let i = 0; i < 40; i++) await alice.write(`line ${i}`);
    await alice.hears('line 39');
    await toTop(alice);
    await act(alice, 'the one', 'Copy a link to it');
    await alice.sees('#toast', 'Copied.');
    await alice.page.fill('#text', '');
    await alice.page.locator('#text').press('ControlOrMeta+v');
    const address = await field(alice);
    assert.match(address, /^http:\/\/chat\.test:\d+\/#address\/1$/);
    const tab = await alice.tab();
    await tab.page.goto(address);
    await tab.page.reload();
    await tab.page.locator('.message.found').getByText('the one').waitFor();
    await tab.page.goto(`${address}000`);
    await tab.page.reload();
    await tab.sees('#toast', 'That is not there any more.');
});

test('emoji: by name while one writes, from the picker by keys, and those used lately', async (t) => {
    const alice = await enter(t, 'alice', 'emoji');
    const { page } = alice;
    await page.locator('#text').pressSequentially(':ta');
    await alice.sees('#names', ':tada:');
    await page.keyboard.press('Tab');
    await page.keyboard.type('and :rocket: but 10:30:00');
    assert.equal(await field(alice), '🎉 and 🚀 but 10:30:00');
    await page.fill('#text', 'xy');
    await page.locator('#text').press('ArrowLeft');
    await page.click('#open-emoji');
    await page.locator('#picker-text:focus').waitFor();
    await alice.picture('picker-desktop');
    await page.keyboard.type('birthday');
    await page.keyboard.press('Enter');
    assert.equal(await field(alice), 'x🎂y');
    await page.locator('#text:focus').waitFor();

    await page.click('#open-emoji');
    const first = page.locator('#picker-list button').first();
    assert.equal(await first.textContent(), '🎂', 'used lately');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    const chosen = await page.locator('#picker-list button:focus').textContent();
    assert.notEqual(chosen, '🎂');
    await page.keyboard.press('Enter');
    assert.equal(await field(alice), `x🎂${chosen}y`);

    await page.fill('#text', '🎉 🚀');
    await page.press('#text', 'Enter');
    await page.locator('#messages .bubble.big').waitFor();
});

test('near the limit the bytes that are left are counted, and too many do not go', async (t) => {
    const alice = await enter(t, 'alice', 'limit');
    await alice.page.fill('#text', 'ü'.repeat(1500));
    assert.equal(await alice.page.textContent('#counter'), '');
    await alice.page.fill('#text', 'ü'.repeat(2040));
    await alice.sees('#counter', '16 bytes left');
    await alice.page.fill('#text', 'ü'.repeat(2049));
    await alice.sees('#counter', '2 bytes too long');
    assert.ok(await alice.page.isDisabled('#send'));
});
