/** Accounts in the page: made, kept, used on two devices and in two tabs, and taken away. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESKTOP, launch, Person } from './support/browser.js';
import { startConfab, startRedis } from './support/server.js';

const PASSWORD = 'correct horse';
const ENV = { LOGIN_LIMIT_ADDRESS: '0', REGISTER_LIMIT_ADDRESS: '0', RATE_LIMIT_MESSAGES: '0' };
const NARROW = { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true };
let redis, server, browser;

before(async () => {
    redis = await startRedis();
    [server, browser] = await Promise.all([startConfab(redis, { env: ENV }), launch()]);
});

after(async () => {
    await browser?.close();
    await server?.stop();
    await redis?.stop();
});

const visit = (t, name, options = DESKTOP, url = server.url) =>
    Person.open(t, browser, url, name, options);

async function answer(person, way, password) {
    const { page } = person;
    if (await page.locator(`#way-${way}`).isVisible()) await page.click(`#way-${way}`);
    await page.fill('#name', person.name);
    await page.fill('#password', password);
    await page.press('#password', 'Enter');
}

async function comeIn(person, way) {
    await person.page.waitForSelector('.way:visible');
    await answer(person, way, PASSWORD);
    await person.ready();
    return person;
}

const picture = (person, name) =>
    process.env.PICTURES && person.page.screenshot({ path: `${process.env.PICTURES}/${name}.png` });

/** The browser says in its console that a request was refused; that was meant to be. */
function expect(person, status) {
    const isMeant = (text) => text.includes(`status of ${status}`);
    person.problems.push = (...texts) =>
        Array.prototype.push.apply(
            person.problems,
            texts.filter((text) => !isMeant(text)),
        );
}

test('an account is made, and a reload stays in', async (t) => {
    const alice = await comeIn(await visit(t, 'alice'), 'register');
    assert.equal(await alice.page.getAttribute('#quit', 'title'), 'Log out');
    await alice.say('from an account');
    await alice.page.reload();
    await alice.ready();
    await alice.hears('from an account');
    await picture(alice, 'in-desktop');
});

test('a password that is too short or wrong is said at its field', async (t) => {
    const bela = await visit(t, 'bela');
    expect(bela, 401);
    await bela.page.waitForSelector('#way-register');
    await answer(bela, 'register', '1234567');
    await bela.sees('#password-error', 'A password has 8');
    assert.equal(await bela.page.getAttribute('#password', 'autocomplete'), 'new-password');
    await answer(bela, 'login', PASSWORD);
    await bela.sees('#password-error', 'The name or the password is wrong.');
    assert.equal(await bela.page.getAttribute('#password', 'autocomplete'), 'current-password');
    assert.equal(await bela.page.evaluate(() => document.activeElement.id), 'password');
});

test('a second device is listed and signed out', async (t) => {
    const here = await comeIn(await visit(t, 'carla'), 'register');
    const there = await comeIn(await visit(t, 'carla', NARROW), 'login');
    await here.page.click('#open-devices');
    await here.sees('#device-list li:first-child, #device-list li', 'This device');
    const other = here.page.locator('#device-list li').filter({ hasText: 'Connected now' });
    await other.waitFor();
    await picture(here, 'devices-desktop');
    expect(there, 401);
    await other.getByRole('button').click();
    await there.sees('#password-error', 'This device was signed out. Log in again.');
    await picture(there, 'revoked-narrow');
    assert.equal(await there.page.inputValue('#name'), 'carla');
    await here.sees('#devices-note', '1 device is signed out.');
    assert.equal(await here.page.locator('#device-list li').count(), 1);
    await here.page.keyboard.press('Escape');
    assert.equal(await here.page.evaluate(() => document.activeElement.id), 'open-devices');
    await here.say('still here');
});

test('by keyboard alone, in 320 pixels', async (t) => {
    const dora = await visit(t, 'dora', NARROW);
    await dora.page.waitForSelector('#way-register');
    await picture(dora, 'guest-narrow');
    await dora.page.focus('#way-register');
    await dora.page.keyboard.press('Enter');
    await dora.page.keyboard.type('dora');
    await picture(dora, 'register-narrow');
    const { right } = await dora.page.evaluate(() =>
        document.querySelector('.card').getBoundingClientRect().toJSON(),
    );
    assert.ok(right <= 320 - 16, `the card ends at ${right}`);
    await dora.page.keyboard.press('Tab');
    await dora.page.keyboard.type(PASSWORD);
    await dora.page.keyboard.press('Enter');
    await dora.ready();
    await dora.page.focus('#open-side');
    await dora.page.keyboard.press('Enter');
    await dora.page.locator('#open-devices').waitFor(); // the drawer opens
    await dora.page.focus('#open-devices');
    await picture(dora, 'side-narrow');
    await dora.page.keyboard.press('Enter');
    await dora.sees('#device-list li', 'This device');
    await picture(dora, 'devices-narrow');
    const small = await dora.page.evaluate(() =>
        [...document.querySelectorAll('#devices button, .me button')]
            .map((button) => button.getBoundingClientRect())
            .filter(({ width, height }) => width && (Math.round(width) < 44 || Math.round(height) < 44)),
    );
    assert.deepEqual(small, []);
    assert.equal(await dora.page.evaluate(() => document.documentElement.scrollWidth), 320);
    await dora.page.focus('#device-list button');
    await dora.page.keyboard.press('Enter'); // signs this device out
    await dora.page.waitForSelector('body[data-screen="start"]');
    await dora.page.reload();
    await dora.page.waitForSelector('#way-login');
});

for (const [host, hasLocks] of [
    ['127.0.0.1', true],
    ['chat.test', false],
])
    test(`two tabs refresh at once, ${hasLocks ? 'with' : 'without'} locks`, async (t) => {
        const env = { ...ENV, ACCESS_TOKEN_S: '3', TOKEN_GRACE_S: '2', REFRESH_GRACE_S: '2' };
        if (!hasLocks) env.ALLOWED_HOSTS = host;
        const hasty = await startConfab(redis, { t, env });
        const url = hasty.url.replace('127.0.0.1', host);
        const name = hasLocks ? 'emil' : 'fritz';
        const one = await visit(t, name, DESKTOP, url);
        assert.equal(await one.page.evaluate(() => 'locks' in navigator), hasLocks);
        assert.equal(await one.page.locator('#plain').getAttribute('hidden'), hasLocks ? '' : null);
        await comeIn(one, 'register');
        const two = await one.tab();
        await two.ready();
        const stored = () => JSON.parse(localStorage.getItem('confab.account')).refresh;
        const number = async () => Number((await one.page.evaluate(stored)).split('.')[1]);
        const first = await number();
        await one.page.waitForFunction(
            (n) => JSON.parse(localStorage['confab.account']).refresh.split('.')[1] >= n,
            first + 4, // several ends of both tabs' tokens
            { timeout: 30_000 },
        );
        await one.say('one is in');
        await two.say('two is in');
        await one.page.click('#quit');
        await two.page.waitForSelector('body[data-screen="start"]'); // it was one login
        // The server ends before the pages do: nothing may be on its way to it then.
        await Promise.all([one, two].map(({ page }) => page.goto('about:blank')));
    });

test('a name that an account has is not for guests', async (t) => {
    const gerda = await comeIn(await visit(t, 'gerda'), 'register');
    const guest = await visit(t, 'gerda');
    await guest.page.fill('#name', 'gerda');
    await guest.page.click('#enter');
    await guest.sees('#name-error', 'Somebody uses this name. If it is yours, log in.');
    await comeIn(guest, 'login');
    await guest.say('it was mine');
    await gerda.hears('it was mine');
});

test('a server that takes no guests, and one without accounts', async (t) => {
    const closed = await startConfab(redis, { t, env: { ...ENV, ACCOUNTS: 'required' } });
    const hugo = await visit(t, 'hugo', NARROW, closed.url);
    await hugo.page.waitForSelector('#way-register');
    assert.equal(await hugo.page.isVisible('#password'), true);
    assert.equal(await hugo.page.isVisible('#way-guest'), false);
    await comeIn(hugo, 'register');
    await hugo.say('by account only');

    const open = await startConfab(redis, { t, env: { ...ENV, ACCOUNTS: 'off' } });
    const ines = await visit(t, 'ines', DESKTOP, open.url);
    await ines.page.waitForLoadState('networkidle');
    for (const id of ['password', 'way-login', 'way-register', 'way-guest'])
        assert.equal(await ines.page.isVisible(`#${id}`), false, id);
    await ines.join();
    assert.equal(await ines.page.isVisible('#open-devices'), false);
});

test('a password is changed in the page: other devices are out, the old one is worth nothing', async (t) => {
    const here = await comeIn(await visit(t, 'jana'), 'register');
    const there = await comeIn(await visit(t, 'jana', NARROW), 'login');
    expect(here, 401);
    expect(there, 401);
    await here.page.click('#open-devices');
    await here.page.fill('#password-old', 'not the one');
    await here.page.fill('#password-new', 'another horse');
    await here.page.press('#password-new', 'Enter');
    await here.sees('#password-form-error', 'The password is wrong.');
    assert.equal(await here.page.evaluate(() => document.activeElement.id), 'password-old');
    await here.page.fill('#password-old', PASSWORD);
    await here.page.fill('#password-new', 'short');
    await here.page.press('#password-new', 'Enter');
    await here.sees('#password-form-error', 'A password has 8');
    await here.page.fill('#password-new', 'another horse');
    await here.page.press('#password-new', 'Enter');
    await here.sees('#password-form-note', 'The password is changed.');
    assert.equal(await here.page.inputValue('#password-old'), '');
    await there.sees('#password-error', 'This device was signed out. Log in again.');
    await answer(there, 'login', PASSWORD);
    await there.sees('#password-error', 'The name or the password is wrong.');
    await answer(there, 'login', 'another horse');
    await there.ready();
    await here.page.keyboard.press('Escape');
    await here.say('still here');
});

test('an account is deleted in the page, with its password', async (t) => {
    const kolja = await comeIn(await visit(t, 'kolja', NARROW), 'register');
    expect(kolja, 401);
    await kolja.page.click('#open-side');
    await kolja.page.click('#open-devices');
    await kolja.page.click('#unregister summary');
    await kolja.page.fill('#unregister-password', 'not the one');
    await kolja.page.press('#unregister-password', 'Enter');
    await kolja.sees('#unregister-error', 'The password is wrong.');
    assert.equal(await kolja.page.evaluate(() => document.documentElement.scrollWidth), 320);
    await picture(kolja, 'unregister-narrow');
    await kolja.page.fill('#unregister-password', PASSWORD);
    await kolja.page.press('#unregister-password', 'Enter');
    await kolja.page.waitForSelector('body[data-screen="start"]');
    await kolja.sees('#toast', 'The account is deleted.');
    await answer(kolja, 'login', PASSWORD);
    await kolja.sees('#password-error', 'The name or the password is wrong.');
});
