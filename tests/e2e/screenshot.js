/**
 * Takes the pictures of the README, docs/images/*.png. Run it with `npm run screenshot`; it needs
 * pngquant (Debian: pngquant).
 */
import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DESKTOP, launch, Person, PHONE } from './support/browser.js';
import { startConfab, startRedis } from './support/server.js';

const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url));

/** @type {(() => unknown)[]} */
const endings = [];
const scope = { after: (ending) => endings.unshift(ending) };

const TALK = [
    ['alice', 'Hello all! The new build is on the test machine.'],
    ['alice', 'Notes are at https://example.org/notes/1.2 – still a draft.'],
    [
        'carol',
        'Closed the laptop for an hour, opened it again: “Caught up: 41 messages”, none twice.',
    ],
    ['bob', 'On the train here. Two tunnels so far, and what I wrote in the dark arrived once.'],
    ['dave', 'I compared the two instances. Same order on both.'],
    ['alice', 'Then let us ship it after lunch.'],
];

/** @param {Person} person @param {string} name */
async function picture({ page }, name) {
    const path = `${IMAGES}${name}.png`;
    await page.screenshot({ path });
    execFileSync('pngquant', ['--force', '--strip', '--speed', '1', '--output', path, '128', path]);
}

async function take() {
    const redis = await startRedis();
    scope.after(() => redis.stop());
    const env = { RATE_LIMIT_MESSAGES: '0' };
    const one = await startConfab(redis, { t: scope, env });
    const two = await startConfab(redis, { t: scope, env });
    const browser = await launch();
    scope.after(() => browser.close());

    const people = {};
    const devices = { alice: DESKTOP, bob: { ...PHONE, colorScheme: 'dark' }, carol: PHONE, dave: DESKTOP };
    for (const [name, device] of Object.entries(devices)) {
        const server = name === 'alice' || name === 'carol' ? one : two;
        const options = { ...device, reducedMotion: 'reduce' };
        const person = await Person.enter(scope, browser, server.url, name, options);
        people[name] = person;
        for (const room of ['garden', 'release']) {
            if (device.isMobile) await person.page.click('#open-side');
            await person.joinRoom(room);
        }
    }
    const { alice, bob, carol, dave } = people;
    for (const [name, text] of TALK) {
        await people[name].say(text);
        await alice.hears(text);
    }
    await dave.go('rooms', 'garden');
    await dave.say('The roses are out.');
    await dave.say('Somebody should water them.');
    await alice.unread('rooms', 'garden', 2);
    await carol.page.click('#open-people');
    await carol.place('members', 'alice').click();
    await carol.ready();
    await carol.say('Cake at four?');
    await alice.unread('conversations', 'carol', 1);
    await react(alice, 'dave', 0);
    await react(alice, 'bob', 1);
    // Slowly: signs of typing are passed on once in a while only.
    await bob.page.locator('#text').pressSequentially('After lunch', { delay: 400 });
    await alice.sees('#typing', 'bob is typing…');
    await alice.page.hover('.side-head');
    await picture(alice, 'desktop');
    await bob.page.fill('#text', '');
    await picture(bob, 'phone-dark');
    await carol.page.click('#open-emoji');
    await carol.page.locator('#picker-list button').first().waitFor();
    await picture(carol, 'phone-emoji');
}

/** @param {Person} person @param {string} author of the message @param {number} which emoji */
async function react({ page }, author, which) {
    const row = page.locator('.message', { has: page.locator('.author', { hasText: author }) });
    await row.last().locator('.bubble').click({ button: 'right' });
    await page.locator('#emoji button').nth(which).click();
    await page.locator('dialog[open]').waitFor({ state: 'hidden' });
}

try {
    await mkdir(IMAGES, { recursive: true });
    await take();
} finally {
    for (const ending of endings) await ending();
}
