/**
 * Every view and state of the page, in the order in which the pages go through them, all in step.
 * A feature adds a line here; look.test.js then looks at it in all sizes, colours and directions.
 *
 * { name, show(person, scene), hide?(person, scene), only?: string[] of devices, contrast? }
 *   show leads from the page as the last state left it to this one; hide leads back: Escape when
 *   there is none, nothing when it is null. contrast: looked at in high contrast as well.
 *   scene: { talker, room, redis, stop(), start() }.
 */
const press = (selector) => (person) => person.page.click(selector);

/** The side column, where it is a drawer. */
async function side({ page }) {
    if (await page.isVisible('#open-side')) await page.click('#open-side');
}

/** A sheet that was opened from the side column, and that column. */
async function back({ page }) {
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'hidden' });
    if (await page.isVisible('#scrim')) await page.keyboard.press('Escape');
}

/** The sheet of the last message of somebody. */
async function actions(person, author) {
    const row = person.page.locator('.message', {
        has: person.page.locator('.author', { hasText: author }),
    });
    await row.last().locator('.bubble').click({ button: 'right' });
}

async function chat(person, { talker, room }) {
    await person.register();
    await side(person);
    await person.joinRoom(room);
    await person.say('Good morning, all.');
    const said = (text) => talker.say(room, text);
    await said('Good morning! The plan is at https://example.org/plan/1.2 – still a draft.');
    await said(`@${person.name} will you bring the rope?`);
    await said('صباح الخير، أنا في الميناء منذ ساعة.');
    await person.hears('صباح الخير، أنا في الميناء منذ ساعة.');
    await person.say(`Yes. ${'And the long story of it goes on. '.repeat(5)}`.trim());
    await person.write('**Bold**, `code` and\n> a quotation\n```\na line of code that is wider than a phone, so that it has to scroll\n```');
    await person.page.locator('#messages pre').first().waitFor();
    await person.say('This one goes away.');
    await actions(person, person.name);
    await person.page.locator('#action-list').getByText('Delete', { exact: true }).click();
    await person.page.locator('#action-list .danger').click();
    await person.page.locator('.bubble.gone').first().waitFor();
    await actions(person, talker.name);
    await person.page.locator('#emoji button').first().click();
    await person.page.locator('#messages .chip').first().waitFor();
}

/** A PNG of one colour, with lines, made by the browser. */
function drawn({ page }) {
    return page.evaluate(async () => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 480, height: 320 });
        const pen = canvas.getContext('2d');
        for (const [i, colour] of ['#9bc1c9', '#5f8f96', '#2f5d62'].entries()) {
            pen.fillStyle = colour;
            pen.fillRect(0, i * 110, 480, 110);
        }
        return canvas.toDataURL().split(',')[1];
    });
}

const gone = ({ page }, name) => page.getByRole('button', { name: `Remove ${name}` }).click();
const tile = ({ page }, state) => page.locator(`#tray .tile[data-state="${state}"]`).first().waitFor();

/** In the tray: a picture that is there, a file under way that never arrives, one that is too large. */
async function tray(person) {
    const { page } = person;
    const file = (name, mimeType, buffer) => ({ name, mimeType, buffer });
    await page.route('**/api/v1/files?name=plan*', () => {}); // no answer
    await page.setInputFiles('#file-input', [
        file('harbour.png', 'image/png', Buffer.from(await drawn(person), 'base64')),
    ]);
    await tile(person, 'done');
    await page.setInputFiles('#file-input', [
        file('plan of the new pier.pdf', 'application/pdf', Buffer.alloc(50_000)),
        file('later.txt', 'text/plain', Buffer.from('later')),
        file('film.mp4', 'video/mp4', Buffer.alloc(300_000)),
    ]);
    for (const state of ['sending', 'waiting', 'failed']) await tile(person, state);
}

export const STATES = [
    {
        name: 'start',
        show: (person) => person.page.waitForSelector('#way-login:visible'),
        hide: null,
    },
    {
        name: 'start-refused',
        show: async ({ page }) => {
            await page.fill('#name', 'not a name');
            await page.click('#enter');
            await page.getByText('A name has letters').waitFor();
        },
        hide: null,
    },
    { name: 'login', show: press('#way-login'), hide: null },
    { name: 'register', show: press('#way-register'), hide: null },
    { name: 'settings', show: press('#start .open-settings') },
    { name: 'chat', show: chat, hide: null, contrast: true },
    { name: 'side', only: ['phone'], show: side },
    { name: 'people', only: ['phone', 'tablet'], show: press('#open-people') },
    { name: 'actions', show: (person, { talker }) => actions(person, talker.name) },
    {
        name: 'edit',
        show: async ({ page }) => {
            await page.focus('#text');
            await page.keyboard.press('ArrowUp');
            await page.locator('#editing').waitFor();
        },
    },
    {
        name: 'names',
        show: async ({ page }) => {
            await page.fill('#text', '');
            await page.locator('#text').pressSequentially('@');
            await page.locator('#names li').first().waitFor();
        },
        hide: async ({ page }) => {
            await page.keyboard.press('Escape');
            await page.fill('#text', '');
        },
    },
    {
        name: 'picker',
        show: async ({ page }) => {
            await page.click('#open-emoji');
            await page.locator('#picker-list button').first().waitFor();
        },
    },
    {
        name: 'quote',
        show: async (person, { talker }) => {
            await actions(person, talker.name);
            await person.page.locator('#action-list').getByText('Answer', { exact: true }).click();
            await person.page.locator('#quoting').waitFor();
        },
        hide: ({ page }) => page.click('#quote-cancel'),
    },
    {
        name: 'mentions',
        show: async (person) => {
            await side(person);
            await person.page.click('#open-mentions');
            await person.page.locator('#mention-list .choice').first().waitFor();
        },
        hide: back,
    },
    {
        name: 'devices',
        show: async (person) => {
            await side(person);
            await person.page.click('#open-devices');
            await person.page.locator('#device-list li').first().waitFor();
            await person.page.click('#unregister summary');
        },
        hide: back,
    },
    {
        name: 'health',
        show: async (person) => {
            await side(person);
            await person.page.click('#open-health');
            await person.sees('#health-list dd', ' ms');
        },
        hide: back,
    },
    {
        name: 'reach',
        show: async (person) => {
            const urls = [person.url, 'http://192.168.178.20:8080/', 'http://10.20.30.40:8080/'];
            const json = { urls, mdns: 'http://confab.local:8080/' };
            await person.page.route('**/api/v1/addresses', (route) => route.fulfill({ json }));
            await side(person);
            await person.page.click('#open-reach');
            await person.sees('#reach-others', 'confab.local');
            await person.page.waitForFunction(() => document.getElementById('reach-qr').naturalWidth > 0);
        },
        hide: back,
    },
    {
        name: 'reach-nobody',
        show: async (person) => {
            await person.page.unroute('**/api/v1/addresses'); // the server is for this machine alone
            await side(person);
            await person.page.click('#open-reach');
            await person.sees('#reach-note', 'BIND');
        },
        hide: back,
    },
    {
        name: 'create',
        show: async (person) => {
            await side(person);
            await person.page.click('#open-create');
        },
        hide: null,
    },
    {
        name: 'room',
        contrast: true,
        show: async (person) => {
            await person.page.fill('#create-name', `pier-${person.name}`);
            await person.page.fill('#create-topic', 'Who lies where');
            await person.page.selectOption('#create-access', 'private');
            await person.page.click('#create-form button[type="submit"]');
            await person.sees('#place', 'pier');
            await person.ready();
            await person.page.click('#open-room');
            await person.page.click('#invite-form button');
            await person.page.locator('#invite-result').waitFor();
            await person.page.click('#room-end-part summary');
        },
    },
    {
        name: 'search',
        show: async (person, { room }) => {
            await side(person);
            await person.go('rooms', room);
            await person.page.click('#open-search');
            await person.page.fill('#search-text', 'rope');
            await person.page.press('#search-text', 'Enter');
            await person.page.locator('.result').first().waitFor();
        },
        hide: null,
    },
    {
        name: 'search-nothing',
        show: async (person) => {
            await person.page.fill('#search-text', 'unheard-of');
            await person.page.press('#search-text', 'Enter');
            await person.page.locator('.result').first().waitFor({ state: 'hidden' });
            await person.sees('#search-note', 'Nothing');
        },
    },
    {
        name: 'attach',
        only: ['phone', 'tablet'],
        show: press('#attach'),
    },
    { name: 'tray', show: tray, hide: null, contrast: true },
    {
        name: 'leaving',
        show: async (person) => {
            await gone(person, 'film.mp4');
            await person.write('The plan, and how it looks today');
            await person.sees('.leaving', 'The plan');
        },
        hide: async (person) => {
            await gone(person, 'plan of the new pier.pdf');
            await person.seesNo('#tray');
        },
    },
    {
        name: 'files',
        show: async ({ page }) => {
            await page.locator('#messages .file-card').waitFor();
            await page.waitForFunction(
                () => document.querySelector('#messages .picture img')?.naturalWidth > 0,
            );
        },
        hide: null,
    },
    {
        name: 'lightbox',
        show: async ({ page }) => {
            await page.click('#messages .picture');
            await page.waitForFunction(
                () => document.querySelector('#lightbox[open] img')?.naturalWidth > 0,
            );
        },
    },
    {
        name: 'drop',
        only: ['desktop'],
        show: async ({ page }) => {
            await page.evaluate(() => {
                const dataTransfer = new DataTransfer();
                dataTransfer.items.add(new File(['x'], 'x.txt'));
                const init = { bubbles: true, cancelable: true, dataTransfer };
                document.getElementById('text').dispatchEvent(new DragEvent('dragover', init));
            });
            await page.locator('#drop').waitFor();
        },
        hide: async ({ page }) => {
            await page.evaluate(() => {
                const leave = new DragEvent('dragleave', { bubbles: true });
                document.getElementById('text').dispatchEvent(leave);
            });
            await page.locator('#drop').waitFor({ state: 'hidden' });
        },
    },
    {
        name: 'empty',
        show: async (person, { talker }) => {
            if (await person.page.isVisible('#open-people')) await person.page.click('#open-people');
            await person.place('members', talker.name).click();
            await person.sees('#empty', 'This is the beginning');
        },
        hide: null,
    },
    {
        name: 'private',
        show: (person) => person.say('Only for you.'),
        hide: null,
    },
    {
        name: 'news',
        show: async (person, { talker, room }) => {
            for (let i = 1; i <= 30; i++) await talker.say(room, `Line ${i} of what you have missed`);
            await side(person);
            await person.unread('rooms', room, 30);
            await person.go('rooms', room);
            await person.page.locator('#messages .divider.new').waitFor();
            await talker.say(room, 'And one more');
            await person.sees('#jump-text', '1');
            talker.client.typing(room);
            await person.sees('#typing', 'typing');
        },
        hide: null,
    },
    {
        name: 'failed',
        show: async (person) => {
            await person.write('\u200b');
            await person.sees('#pending .pending', 'Not sent.');
        },
        hide: ({ page }) => page.locator('#pending .link', { hasText: 'Remove' }).click(),
    },
    {
        name: 'degraded',
        show: async (person, { redis }) => {
            redis.child.signal('SIGSTOP');
            await person.write('Is it only me?');
            await person.sees('#banner', 'The server is in trouble');
        },
        hide: async (person, { redis }) => {
            redis.child.signal('SIGCONT');
            await person.hears('Is it only me?', 20_000);
        },
    },
    {
        name: 'offline',
        show: async (person, { stop }) => {
            await stop();
            await person.sees('#banner', 'Connection lost');
            await person.write('I go into the tunnel');
        },
        hide: null,
    },
    {
        name: 'gap',
        show: async (person, { talker, room, start }) => {
            for (let i = 1; i <= 104; i++) talker.client.sendMessage(room, `Stop ${i}`);
            await talker.hears(room, 'Stop 104');
            await start();
            await person.page.evaluate(() => dispatchEvent(new Event('online')));
            await person.sees('#toast.shown', /Caught up: 100 messages, [45] lost/);
            await person.page.waitForFunction(() => {
                if (document.querySelector('#messages .gap')) return true;
                const scroller = document.getElementById('scroller'); // rows far away do not exist
                scroller.scrollTop -= scroller.clientHeight / 2;
                return false;
            });
        },
        hide: null,
    },
];
