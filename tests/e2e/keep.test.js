/** What was written is kept: in IndexedDB, or wherever this browser lets it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, Person } from './support/browser.js';
import { startConfab, startRedis } from './support/server.js';
import { Talker } from './support/talker.js';

const FREE = { RATE_LIMIT_MESSAGES: '0' };
let redis, server, browser, listener;
const endings = [];

before(async () => {
    redis = await startRedis();
    [server, browser] = await Promise.all([startConfab(redis, { env: FREE }), launch()]);
    listener = await new Talker({ after: (end) => endings.push(end) }, server.ws, 'listener').enter(
        'general',
    );
});

after(async () => {
    for (const end of endings) end();
    await browser?.close();
    await server?.stop();
    await redis?.stop();
});

/** While Redis hangs: the function runs, and Redis goes on whatever happens. */
async function withoutRedis(run) {
    redis.child.signal('SIGSTOP');
    try {
        await run();
    } finally {
        redis.child.signal('SIGCONT');
    }
}

const heard = (text) => listener.texts('general').filter((other) => other === text).length;

/** It arrives, once, and nobody waits for it any more. */
async function assertHeardOnce(text, ...people) {
    await listener.hears('general', text, 20_000);
    for (const person of people) {
        await person.hears(text);
        await person.page.locator('#pending .pending').waitFor({ state: 'detached' });
    }
    await listener.say('general', `after ${text}`);
    assert.equal(heard(text), 1);
}

const enter = (t, name, script) => Person.enter(t, browser, server.url, name, { script });
const pending = (person) => person.page.locator('#pending .pending');

function withoutLocalStorage(name) {
    Storage.prototype.setItem = () => {
        throw new DOMException('full', 'QuotaExceededError');
    };
    // So that the reload knows who is there.
    const { getItem } = Storage.prototype;
    const user = JSON.stringify({ name, entered: true });
    Storage.prototype.getItem = function get(key) {
        if (key === 'confab.session') return `"${name}-session"`;
        return key === 'confab.user' ? user : getItem.call(this, key);
    };
}

/** After the page has given it up for the time being. */
function opensLate() {
    const { open } = IDBFactory.prototype;
    IDBFactory.prototype.open = function late(...args) {
        const request = open.apply(this, args);
        request.addEventListener('success', (event) => {
            event.stopImmediatePropagation();
            setTimeout(() => request.onsuccess(event), 2_500);
        });
        return request;
    };
}

const BROWSERS = {
    'with IndexedDB': undefined,
    'without IndexedDB': () => {
        Object.defineProperty(globalThis, 'indexedDB', { value: undefined });
    },
    'with an IndexedDB that never answers': () => {
        IDBFactory.prototype.open = () => ({});
    },
    'with an IndexedDB that is full': () => {
        IDBObjectStore.prototype.put = function put() {
            this.transaction.abort();
            return {};
        };
    },
    'with an IndexedDB that breaks later': () => {
        const { transaction } = IDBDatabase.prototype;
        let calls = 0;
        IDBDatabase.prototype.transaction = function broken(...args) {
            if (++calls > 1) this.close();
            return transaction.apply(this, args);
        };
    },
    'without a localStorage that takes anything': withoutLocalStorage,
};

/** Presses Enter and reloads in the same turn. */
async function writeAndReload({ page }, text) {
    const loaded = page.waitForEvent('load');
    await page.evaluate((content) => {
        const field = document.getElementById('text');
        field.value = content;
        field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' }));
        location.reload();
    }, text);
    await loaded;
}

/** The page has its IndexedDB: it asked first, so it was answered first. */
async function hasDatabase({ page }) {
    await page.evaluate(
        () =>
            new Promise((resolve, reject) => {
                const request = indexedDB.open('confab', 1);
                request.onsuccess = () => resolve();
                request.onerror = () => reject(request.error);
            }),
    );
}

// One browser after the other: six cold ones at once take a slow machine beyond any time limit.
for (const [i, [what, script]] of Object.entries(BROWSERS).entries()) {
    test(`a message survives a reload right after Enter ${what}`, async (t) => {
        const person = await Person.open(t, browser, server.url, `keeper-${i}`, { script });
        if (await person.page.isVisible('#start')) await person.join();
        else await person.ready();
        if (script === withoutLocalStorage) await hasDatabase(person); // there is nothing else
        const text = `kept ${what}`;
        await withoutRedis(async () => {
            await writeAndReload(person, text);
            await pending(person).getByText(text, { exact: true }).waitFor();
        });
        await assertHeardOnce(text, person);
    });
}

test('an IndexedDB that opens late gets what was written before, and is read then', async (t) => {
    const script = [withoutLocalStorage, opensLate];
    const person = await Person.open(t, browser, server.url, 'late', { script });
    await person.ready();
    const texts = ['before it opened', 'after it opened'];
    await withoutRedis(async () => {
        await person.write(texts[0]);
        await hasDatabase(person);
        await writeAndReload(person, texts[1]);
        await pending(person).getByText(texts[1]).waitFor();
        assert.deepEqual(await pending(person).locator('.bubble').allTextContents(), texts);
    });
    for (const text of texts) await assertHeardOnce(text, person);
});

test('where nothing can be kept at all, the page works and says nothing', async (t) => {
    const person = await enter(t, 'nothing', () => {
        for (const name of ['localStorage', 'sessionStorage', 'indexedDB'])
            Object.defineProperty(globalThis, name, {
                get() {
                    throw new DOMException('denied', 'SecurityError');
                },
            });
    });
    await person.say('from nowhere');
    await assertHeardOnce('from nowhere', person);
});

test('a second tab leaves the messages of the first one alone', async (t) => {
    const one = await enter(t, 'twotabs');
    let two;
    await withoutRedis(async () => {
        await one.write('from the first');
        await pending(one).waitFor();
        two = await one.tab();
        await two.page.waitForSelector('#text');
        await two.write('from the second');
        await pending(two).getByText('from the second').waitFor();
        assert.deepEqual(await pending(two).locator('.bubble').allTextContents(), [
            'from the second',
        ]);
        assert.deepEqual(await pending(one).locator('.bubble').allTextContents(), [
            'from the first',
        ]);
    });
    await assertHeardOnce('from the first', one, two);
    await assertHeardOnce('from the second', one, two);
});

test('what a crashed tab had is taken over by the next one', async (t) => {
    const one = await enter(t, 'crashes');
    await withoutRedis(async () => {
        await one.write('last words');
        await pending(one).waitFor();
        const session = await one.context.newCDPSession(one.page);
        const crashed = one.page.waitForEvent('crash');
        session.send('Page.crash').catch(() => {});
        await crashed;
        const two = await one.tab();
        await pending(two).getByText('last words').waitFor();
    });
    await assertHeardOnce('last words', one.tabs[0]);
});

test('what a closed tab had is taken over by the next one', async (t) => {
    const one = await enter(t, 'closes');
    let two;
    await withoutRedis(async () => {
        await one.write('before I go');
        await pending(one).waitFor();
        two = await one.tab();
        await one.page.close({ runBeforeUnload: true });
        await two.page.reload();
        await pending(two).getByText('before I go').waitFor();
    });
    await assertHeardOnce('before I go', two);
});

test('a page whose entries were taken over while it was frozen is told so', async (t) => {
    const person = await enter(t, 'frozen');
    const answers = await person.page.evaluate(async () => {
        const { OutboxStore } = await import('/js/outbox-store.js');
        const entry = {
            cid: 'c',
            stream: 'r',
            content: 'x',
            created: 1,
            firstSent: 0,
            state: 'waiting',
            seq: 0,
            error: '',
        };
        const frozen = new OutboxStore('somebody');
        await frozen.add(entry);
        const mine = await frozen.update({ ...entry, firstSent: 2 });
        frozen.channel.close(); // it does not answer
        const next = new OutboxStore('somebody');
        const found = await next.load();
        const still = await frozen.update({ ...entry, firstSent: 3 });
        await frozen.add(entry); // its user insists
        const again = await frozen.update(entry);
        frozen.remove('c');
        await frozen.update(entry);
        const left = await new OutboxStore('somebody').load();
        return { mine, found: found.map(({ firstSent }) => firstSent), still, again, left };
    });
    assert.deepEqual(answers, { mine: true, found: [2], still: false, again: true, left: [] });
});
