/** Chromium of the distribution, and one page per user. */
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const ARGS = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--host-resolver-rules=MAP chat.test 127.0.0.1', // a name that is not a secure context
];
export const DESKTOP = { viewport: { width: 1280, height: 800 } };
export const PHONE = {
    viewport: { width: 360, height: 740 },
    isMobile: true,
    hasTouch: true,
    deviceScaleFactor: 2,
};
export const TABLET = { viewport: { width: 768, height: 1024 }, isMobile: true, hasTouch: true };

/** @param {...string} args more of them */
export function launch(...args) {
    return chromium.launch({
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        args: [...ARGS, ...args],
    });
}

/** What one user sees and does. */
export class Person {
    /** A page with the start screen; it is closed, and its console checked, when the test ends. */
    static async open(t, browser, url, name, options = DESKTOP) {
        // A service worker would fetch the whole page once more: only tests of it have one.
        const context = await browser.newContext({ serviceWorkers: 'block', ...options });
        for (const script of [options.script ?? []].flat())
            await context.addInitScript(script, name);
        const person = await Person.#at(url, name, context);
        t.after(() => person.close());
        return person;
    }

    static async #at(url, name, context) {
        const page = await context.newPage();
        page.setDefaultTimeout(15_000);
        const person = new Person(name, context, page, url);
        page.on('pageerror', (error) => person.problems.push(String(error.stack ?? error)));
        page.on('console', (message) => person.#console(message));
        page.on('request', (request) => person.#request(request, url));
        await page.goto(url);
        return person;
    }

    /** The same user in one more tab; its console is checked with that of the first one. */
    async tab() {
        const person = await Person.#at(this.url, this.name, this.context);
        this.tabs.push(person);
        return person;
    }

    static async enter(t, browser, url, name, options) {
        const person = await Person.open(t, browser, url, name, options);
        await person.join();
        return person;
    }

    /** Somebody with an account that is made now. */
    static async registered(t, browser, url, name, options) {
        const person = await Person.open(t, browser, url, name, options);
        await person.register();
        return person;
    }

    constructor(name, context, page, url) {
        this.name = name;
        this.context = context;
        this.page = page;
        this.url = url;
        this.problems = [];
        this.tabs = [];
    }

    #console(message) {
        // The browser itself says that a server is not there; nothing can be done about that.
        const isReset = /^WebSocket connection to .* failed|net::ERR_CONNECTION_REFUSED$/.test(message.text());
        const isBlocked = /^Service Worker registration blocked/.test(message.text()); // by us
        if (['error', 'warning'].includes(message.type()) && !isReset && !isBlocked)
            this.problems.push(message.text());
    }

    #request(request, url) {
        const target = new URL(request.url());
        if (!['data:', 'blob:'].includes(target.protocol) && target.host !== new URL(url).host)
            this.problems.push(`outside request: ${request.url()}`);
    }

    async join(name = this.name) {
        await this.page.fill('#name', name);
        await this.page.click('#enter');
        await this.ready();
    }

    async register(password = 'correct horse') {
        await this.page.waitForSelector('.way:visible');
        if (await this.page.isVisible('#way-register')) await this.page.click('#way-register');
        await this.page.fill('#name', this.name);
        await this.page.fill('#password', password);
        await this.page.press('#password', 'Enter');
        await this.ready();
    }

    /** A picture to look at, when the environment names a folder for them. */
    async picture(name) {
        const folder = process.env.PICTURES;
        if (!folder) return;
        await this.page.evaluate(() =>
            Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {}))),
        );
        await this.page.screenshot({ path: `${folder}/${name}.png` });
    }

    /** Connected, and the history of the place is there. */
    async ready() {
        await this.page.waitForSelector('body[data-connection="online"]');
        await this.page.waitForSelector('#scroller[aria-busy="false"]');
    }

    async write(text) {
        await this.page.fill('#text', text);
        await this.page.press('#text', 'Enter');
    }

    /** Writes it and waits until the server has given it a number. */
    async say(text) {
        await this.write(text);
        await this.hears(text);
    }

    async hears(text, timeout) {
        await this.page
            .locator('#messages .bubble')
            .getByText(text, { exact: true })
            .first()
            .waitFor({ timeout });
    }

    texts() {
        return this.page.locator('#messages .bubble').allTextContents();
    }

    /** What stands in the list from its beginning to its end: only what is near is there at once. */
    allTexts(selector = '.bubble') {
        return this.page.evaluate(async (selector) => {
            const scroller = document.getElementById('scroller');
            const frame = () => new Promise((done) => requestAnimationFrame(() => done()));
            const found = new Map(); // what was there before keeps its place
            const look = async (top) => {
                scroller.scrollTop = top;
                for (let i = 0; i < 3; i++) await frame();
                for (const one of document.querySelectorAll(`#messages ${selector}`)) {
                    const row = one.closest('#messages > *');
                    found.set(row.dataset.seq ?? row, one.textContent);
                }
            };
            while (scroller.scrollTop > 0) await look(0);
            const isEnd = () => scroller.scrollTop + scroller.clientHeight + 1 >= scroller.scrollHeight;
            for (await look(0); !isEnd(); ) await look(scroller.scrollTop + scroller.clientHeight / 2);
            return [...found.values()];
        }, selector);
    }

    /** The first message that is all in sight, or the one of that number; and where it is. */
    messageAtTop(seq = 0) {
        return this.page.evaluate((seq) => {
            const edge = document.getElementById('scroller').getBoundingClientRect().top;
            const rows = [...document.querySelectorAll('#messages .message')].map((row) => ({
                seq: Number(row.dataset.seq),
                top: Math.round(row.getBoundingClientRect().top - edge),
            }));
            return rows.find((row) => (seq ? row.seq === seq : row.top >= 0));
        }, seq);
    }

    place(list, name) {
        return this.page.locator(`#${list} .place-button`).filter({ hasText: name });
    }

    /** Waits for the number at a room or conversation; 0: no number. */
    async unread(list, name, count) {
        const badge = this.place(list, name).locator('.badge');
        if (count) await badge.getByText(String(count), { exact: true }).waitFor();
        else await badge.waitFor({ state: 'hidden' });
    }

    async go(list, name) {
        await this.place(list, name).click();
        await this.ready();
    }

    async joinRoom(name) {
        await this.page.fill('#join-name', name);
        await this.page.press('#join-name', 'Enter');
        await this.page.locator('#place').getByText(name, { exact: true }).waitFor();
        await this.ready();
    }

    async sees(selector, text) {
        await this.page.locator(selector).filter({ hasText: text }).first().waitFor();
    }

    async seesNo(selector) {
        await this.page.locator(selector).first().waitFor({ state: 'hidden' });
    }

    async close() {
        await this.context.close();
        const problems = [this, ...this.tabs].flatMap((person) => person.problems);
        assert.deepEqual(problems, [], `console of ${this.name}`);
    }
}
