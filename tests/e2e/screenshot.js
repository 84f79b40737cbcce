/** Takes docs/images/page.png, the picture in the README. Run it with `npm run screenshot`. */
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { launch, Person } from './support/browser.js';
import { startConfab, startRedis } from './support/server.js';

const PICTURE = fileURLToPath(new URL('../../docs/images/page.png', import.meta.url));

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

async function take() {
    const redis = await startRedis();
    scope.after(() => redis.stop());
    const env = { RATE_LIMIT_MESSAGES: '0' };
    const one = await startConfab(redis, { t: scope, env });
    const two = await startConfab(redis, { t: scope, env });
    const browser = await launch();
    scope.after(() => browser.close());

    const people = {};
    for (const [name, server] of Object.entries({ alice: one, bob: two, carol: one, dave: two })) {
        people[name] = await Person.enter(scope, browser, server.url, name);
        for (const room of ['release', 'garden']) await people[name].joinRoom(room);
        await people[name].go('rooms', 'release');
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
    await carol.place('members', 'alice').click();
    await carol.ready();
    await carol.say('Cake at four?');
    await alice.unread('conversations', 'carol', 1);
    // Slowly: signs of typing are passed on once in a while only.
    await bob.page.locator('#text').pressSequentially('After lunch', { delay: 400 });
    await alice.sees('#typing', 'bob is typing…');
    await alice.page.hover('.side-head');
    await alice.page.screenshot({ path: PICTURE });
}

try {
    await mkdir(new URL('.', `file://${PICTURE}`), { recursive: true });
    await take();
} finally {
    for (const ending of endings) await ending();
}
