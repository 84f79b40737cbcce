/**
 * Every view and state on a phone, a tablet and a large screen, light and dark, with axe-core, and
 * its layout at 320 px, held sideways, at 200 % zoom, in 4K and from right to left. Pictures of
 * all of them go to artifacts/.
 */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DESKTOP, launch, Person, PHONE, TABLET } from './support/browser.js';
import { startConfab, startRedis } from './support/server.js';
import { COLOURS, FORM, paint, sideways, tooSmall, violations, WCAG } from './support/sight.js';
import { STATES } from './support/states.js';
import { Talker } from './support/talker.js';

const ARTIFACTS = fileURLToPath(new URL('./artifacts/', import.meta.url));
const PUBLIC = fileURLToPath(new URL('../../public/', import.meta.url));
const ENV = {
    RATE_LIMIT_MESSAGES: '0',
    LOGIN_LIMIT_ADDRESS: '0',
    REGISTER_LIMIT_ADDRESS: '0',
    ARCHIVE: 'sqlite',
    FILE_MAX_KB: '200',
};
const STILL = { reducedMotion: 'reduce' }; // nothing is looked at halfway
const LOOKS = [
    // the last one is how the page is left
    ['dark', 'more', COLOURS],
    ['dark', 'no-preference', COLOURS],
    ['light', 'more', COLOURS],
    ['light', 'no-preference', WCAG],
];
const DEVICES = {
    phone: {
        options: PHONE,
        room: 'harbour',
        looks: LOOKS,
        sizes: { small: [320, 568], sideways: [740, 360] },
    },
    tablet: {
        options: TABLET, // with the colours of the others
        room: 'island',
        looks: [['light', 'no-preference', FORM]],
        sizes: { sideways: [1024, 768] },
    },
    desktop: {
        options: DESKTOP,
        room: 'boatyard',
        looks: LOOKS,
        sizes: { zoomed: [640, 400], huge: [3840, 2160] }, // 1280 × 800 at 200 % is 640 × 400
    },
};

let redis, one, two, browser;

before(async () => {
    await mkdir(ARTIFACTS, { recursive: true });
    redis = await startRedis();
    [one, two, browser] = await Promise.all([
        startConfab(redis, { env: ENV }),
        startConfab(redis, { env: { ...ENV, ARCHIVE: 'off' } }),
        launch(),
    ]);
});

after(async () => {
    await browser?.close();
    redis?.child.signal('SIGCONT');
    await Promise.all([one?.stop(), two?.stop()]);
    await redis?.stop();
});

/** Both directions: what overflows in one of them often does not in the other. */
async function layout(page) {
    const found = [];
    for (const dir of ['rtl', 'ltr']) {
        await page.evaluate((to) => (document.documentElement.dir = to), dir);
        found.push(...(await sideways(page)).map((text) => `${dir}: ${text}`));
    }
    return found;
}

/** A picture for people. The one of playwright-core takes five times as long on a phone. */
async function picture(page, file) {
    const session = await page.context().newCDPSession(page);
    const options = { format: 'png', optimizeForSpeed: true };
    const { data } = await session.send('Page.captureScreenshot', options);
    await writeFile(`${ARTIFACTS}${file}.png`, data, 'base64');
    await session.detach();
}

/** All that is wrong with the page as it is now. What other colours cannot change is asked once. */
async function inspect(page, device, { name, contrast = false }) {
    const found = [];
    const add = (where, list) =>
        found.push(...list.map((text) => `${device} ${name} ${where}: ${text}`));
    const { options, sizes, looks } = DEVICES[device];
    for (const [colorScheme, more, rules] of looks) {
        if (more === 'more' && !contrast) continue;
        const what = `${colorScheme}-${name}${more === 'more' ? '-contrast' : ''}`;
        await paint(page, { colorScheme, contrast: more });
        add(what, await violations(page, rules));
        await picture(page, `${device}-${what}`);
    }
    add('layout', await layout(page));
    if (options.hasTouch) add('touch', await tooSmall(page));
    for (const [what, [width, height]] of Object.entries(sizes)) {
        await page.setViewportSize({ width, height });
        add(what, await layout(page));
        if (what === 'zoomed') add(what, await violations(page));
    }
    await page.setViewportSize(options.viewport);
    return found;
}

test('every state on a phone, a tablet and a desktop', async (t) => {
    const { port } = one;
    let down, up; // one server for all of them
    const shared = {
        redis,
        stop: () => (down ??= one.kill()),
        start: () => (up ??= startConfab(redis, { port, env: ENV }).then((server) => (one = server))),
    };
    const seats = await Promise.all(
        Object.entries(DEVICES).map(async ([device, { options, room }]) => {
            const talker = await new Talker(t, two.ws, `nora-${device}`).enter(room);
            const person = await Person.open(t, browser, one.url, `sam-${device}`, { ...options, ...STILL });
            return { device, person, scene: { ...shared, talker, room } };
        }),
    );
    // All at once, step by step: most of the time something is waited for.
    const found = [];
    for (const state of STATES) {
        const at = seats.filter(({ device }) => !state.only || state.only.includes(device));
        const all = (step) => Promise.all(at.map(step));
        await all(({ person, scene }) => state.show(person, scene));
        const problems = (await all(({ person, device }) => inspect(person.page, device, state))).flat();
        for (const problem of problems) t.diagnostic(problem);
        found.push(...problems);
        if (state.hide) await all(({ person, scene }) => state.hide(person, scene));
        else if (state.hide === undefined) await all(({ person }) => person.page.keyboard.press('Escape'));
    }
    assert.deepEqual(found, []);
});

test('the page about the certificate, in both languages', async (t) => {
    const found = [];
    for (const [device, { options }] of Object.entries(DEVICES))
        for (const locale of ['en-GB', 'de-DE']) {
            const context = await browser.newContext({ ...options, ...STILL, locale });
            t.after(() => context.close());
            const page = await context.newPage();
            await page.goto(`${one.url}ca`);
            await page.locator('main:visible .state', { hasText: '…' }).waitFor();
            await page.locator('details').evaluateAll((all) => all.forEach((one) => (one.open = true)));
            found.push(...(await inspect(page, device, { name: `ca-${locale.slice(0, 2)}` })));
        }
    assert.deepEqual(found, []);
});

test('German for whom German comes first, until something else is chosen', async (t) => {
    const bob = await Person.open(t, browser, one.url, 'sprache', { ...DESKTOP, locale: 'de-AT' });
    const { page } = bob;
    const language = () => page.evaluate(() => document.documentElement.lang);
    await bob.sees('h1', 'Komm rein, sag hallo.');
    assert.equal(await language(), 'de');
    await page.click('#start .open-settings');
    await page.selectOption('#set-language', 'en');
    await bob.sees('h1', 'Come in, say hello.');
    await bob.join();
    await page.reload();
    await bob.ready();
    assert.equal(await language(), 'en');
    assert.equal(await page.getAttribute('#text', 'placeholder'), 'Message general');
});

test('nothing is painted in the wrong language or colour', async (t) => {
    // The scripts of the page never come: what is seen then must have no text of any language.
    const context = await browser.newContext({ locale: 'de-DE', colorScheme: 'dark' });
    t.after(() => context.close());
    const page = await context.newPage();
    await page.route(one.url, async (route) => {
        const response = await route.fetch();
        const body = (await response.text()).replace(/<script type="module".*?<\/script>/s, '');
        await route.fulfill({ response, body });
    });
    await page.goto(one.url);
    assert.equal((await page.locator('body').innerText()).trim(), '');
    const html = page.locator('html');
    assert.equal(await html.getAttribute('lang'), 'de');
    assert.equal(await html.getAttribute('data-theme'), 'dark');
});

test('colours and contrast are as the system says, or as chosen, also after a reload', async (t) => {
    const bob = await Person.enter(t, browser, one.url, 'painter', DESKTOP);
    const { page } = bob;
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await paint(page, { colorScheme: 'dark' });
    const dark = await ground();
    assert.notEqual(dark, light);
    await page.click('.side .open-settings');
    await page.selectOption('#set-theme', 'light');
    assert.equal(await ground(), light);
    await page.selectOption('#set-contrast', 'more');
    assert.equal(await ground(), 'rgb(255, 255, 255)');
    await page.reload();
    await bob.ready();
    assert.equal(await ground(), 'rgb(255, 255, 255)');
    await page.emulateMedia({ forcedColors: 'active' }); // the chosen room is seen without our colours
    await page.waitForFunction(
        () => getComputedStyle(document.querySelector('[aria-current]')).outlineStyle === 'solid',
    );
});

test('Tab leads through the whole page; where it is can be seen', async (t) => {
    const bob = await Person.enter(t, browser, one.url, 'walker', DESKTOP);
    const { page } = bob;
    await bob.say('Something to act on.');
    await page.focus('.skip'); // the first of all
    const seen = [];
    for (let i = 0; i < 60; i++) {
        await page.keyboard.press('Tab');
        const stop = await page.evaluate(() => {
            const e = document.activeElement;
            if (e === document.body) return null;
            const { top, bottom, left, right } = e.getBoundingClientRect();
            const frame = e.id === 'text' ? e.closest('.composer') : e; // its frame shows the focus
            const style = getComputedStyle(frame);
            return {
                name: e.id || e.textContent.trim() || e.getAttribute('aria-label'),
                inside: top >= -1 && left >= -1 && bottom <= innerHeight + 1 && right <= innerWidth + 1,
                marked: style.outlineStyle !== 'none' || frame !== e,
            };
        });
        if (!stop || seen.some(({ name }) => name === stop.name && name === 'open-search')) break;
        seen.push(stop);
    }
    assert.deepEqual(
        seen.filter(({ inside, marked }) => !inside || !marked),
        [],
    );
    const names = seen.map(({ name }) => name);
    for (const name of ['join-name', 'quit', 'open-search', 'scroller', 'text'])
        assert.ok(names.includes(name), `Tab comes to ${name}: ${names}`);
});

test('a screen reader hears what is said, once, and nothing of the past', async (t) => {
    const talker = await new Talker(t, two.ws, 'speaker').enter('reading');
    for (let i = 1; i <= 5; i++) await talker.say('reading', `old ${i}`);
    const listen = () => {
        globalThis.heard = [];
        addEventListener('DOMContentLoaded', () => {
            const regions = document.querySelectorAll('[aria-live], [role="status"], [role="alert"], [role="log"]');
            const watch = new MutationObserver((all) => {
                for (const { target } of all) if (target.textContent) globalThis.heard.push(target.textContent);
            });
            for (const one of regions) watch.observe(one, { childList: true, characterData: true, subtree: true });
        });
    };
    const bob = await Person.enter(t, browser, one.url, 'listener', { ...DESKTOP, script: listen });
    await bob.joinRoom('reading');
    await bob.hears('old 5');
    await bob.go('rooms', 'general');
    await bob.go('rooms', 'reading');
    await talker.say('reading', 'something new');
    await bob.hears('something new');
    await bob.page.waitForFunction(() => globalThis.heard.length > 0);
    const heard = await bob.page.evaluate(() => globalThis.heard);
    assert.deepEqual(heard, ['speaker: something new']);
});

test('styles know no left and no right, so that they fit both directions', async () => {
    for (const name of await readdir(`${PUBLIC}css`)) {
        const css = (await readFile(`${PUBLIC}css/${name}`, 'utf8')).replace(/\/\*.*?\*\//gs, '');
        const sided = css.match(/(?<![\w-])((margin|padding|border)-)?(left|right)\s*:[^;]*|text-align: (left|right)|float:[^;]*/g);
        assert.deepEqual(sided ?? [], [], name);
        for (const [rule, values] of css.matchAll(/(?:margin|padding|inset): ([^;}]*)/g)) {
            const [, right, , left = right] = values.match(/(?:\([^()]*(?:\([^()]*\)[^()]*)*\)|[^\s(])+/g);
            assert.equal(left, right, `${name}: ${rule}`);
        }
    }
});
