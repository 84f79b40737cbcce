/** Accounts without a page: tokens that end, are refused, lost and taken by other tabs. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { Account } from '../../public/js/account.js';
import { startConfab, startRedis, until } from './support/server.js';
import { Talker } from './support/talker.js';

const PASSWORD = 'correct horse';
let redis, server;

before(async () => {
    redis = await startRedis();
    const env = { ACCESS_TOKEN_S: '4', REFRESH_GRACE_S: '1', LOGIN_LIMIT_ADDRESS: '0' };
    server = await startConfab(redis, { env: { ...env, REGISTER_LIMIT_ADDRESS: '0' } });
});

after(async () => {
    await server?.stop();
    await redis?.stop();
});

/** What tabs of one browser share, as localStorage does: copies of it. */
function shelf() {
    let text = 'null';
    return { read: () => JSON.parse(text), write: (login) => (text = JSON.stringify(login)) };
}

const open = (options = {}) => new Account({ api: `${server.url}api/v1/`, locks: null, ...options });

async function registered(name, options) {
    const account = open(options);
    await account.register(name, PASSWORD, { label: 'test' });
    return account;
}

function talker(t, account, options = {}) {
    const token = (stale) => account.token(stale);
    return new Talker(t, server.ws, account.name, { WebSocket, token, ...options });
}

const refused = (code) => (error) => error.code === code;

test('an account is made, and its name is that of nobody else', async (t) => {
    assert.equal(await open().mode(), 'optional');
    const alice = await registered('alice');
    assert.equal(alice.name, 'alice');
    await assert.rejects(open().register('alice', PASSWORD), refused('name_taken'));
    await assert.rejects(open().register('short', '1234567'), refused('bad_password'));
    await assert.rejects(open().login('alice', 'another one'), refused('bad_login'));
    await assert.rejects(open().login('nobody-here', PASSWORD), refused('bad_login'));
    const guest = new Talker(t, server.ws, 'alice');
    guest.client.connect('alice');
    await guest.until(() => guest.seen.refused.length > 0, 'refused');
    assert.equal(guest.seen.refused[0].code, 'name_taken');
    const user = await talker(t, alice).enter('general');
    await user.say('general', 'with a token');
});

test('a login outlives its page', async () => {
    const kept = shelf();
    await registered('bela', { kept });
    const again = open({ kept });
    assert.equal(again.name, 'bela');
    const [device] = await again.devices();
    assert.deepEqual([device.label, device.current], ['test', true]);
});

test('a connection stays when its tokens end', async (t) => {
    const carl = await registered('carl');
    const user = await talker(t, carl).enter('general');
    const shown = new Set();
    user.client.connection.on('frame', ({ type, device }) => {
        if (type === 'auth' && device) shown.add(user.client.shown); // it was taken
    });
    await until(user.client.connection, ['frame'], () => shown.size === 2, 'two more', 12_000);
    await user.say('general', 'still here');
    assert.deepEqual(
        user.seen.state.map(({ state }) => state),
        ['connecting', 'greeting', 'online'],
    );
});

test('a token that has ended is renewed at hello', async (t) => {
    const dora = await registered('dora');
    const ended = await dora.token();
    dora.access.until = Infinity; // a clock that was set back
    await new Promise((resolve) => setTimeout(resolve, 4_500)); // by the clock of Redis
    const user = await talker(t, dora).enter('general');
    assert.notEqual(user.client.shown, ended);
});

test('two tabs refresh at once, with one refresh token', async () => {
    const kept = shelf();
    const tabs = [await registered('emil', { kept }), open({ kept })];
    for (let round = 0; round < 3; round++) {
        const tokens = await Promise.all(tabs.map((tab) => tab.refresh()));
        assert.equal(tokens.every(Boolean), true);
    }
    assert.equal((await tabs[1].devices()).length, 1);
});

test('a tab that was late takes what another one has kept', async () => {
    const kept = shelf();
    const early = await registered('fritz', { kept });
    const late = open({ kept });
    let arrive;
    const held = new Promise((resolve) => (arrive = resolve));
    late.fetch = async (...request) => {
        const answer = await fetch(...request); // the server has changed it already …
        await held;
        return answer;
    };
    const waiting = late.refresh();
    await early.refresh();
    await early.refresh();
    const newest = kept.read().refresh;
    arrive(); // … and its answer is older than what is kept
    await waiting;
    assert.equal(kept.read().refresh, newest);
    assert.ok(await early.refresh());
});

test('a revoked device is out, and says so once', async (t) => {
    const kept = shelf();
    const gerda = await registered('gerda');
    const other = open({ kept });
    await other.login('gerda', PASSWORD, { label: 'other' });
    const lost = [];
    other.on('lost', (what) => lost.push(what));
    const user = await talker(t, other).enter('general');
    const device = (await gerda.devices()).find(({ label }) => label === 'other');
    assert.equal(device.online, true);
    await gerda.revoke(device.id);
    await user.until(() => user.seen.refused.length > 0, 'refused', 8_000);
    const [{ stream, code }] = user.seen.refused;
    assert.deepEqual([stream, code], ['', 'bad_token']);
    assert.deepEqual(lost, [{ name: 'gerda' }]);
    assert.equal(user.client.connection.status.state, 'idle');
    assert.equal(other.name, '');
    assert.equal(open({ kept }).name, '');
    await assert.rejects(other.token(), refused('bad_token'));
    await other.login('gerda', PASSWORD);
    assert.equal((await other.devices()).length, 2);
});

test('logging out forgets, also when the server cannot be told', async () => {
    const kept = shelf();
    const hugo = await registered('hugo', { kept });
    await hugo.logout();
    assert.equal(kept.read(), null);
    await hugo.login('hugo', PASSWORD);
    hugo.fetch = () => Promise.reject(new TypeError('no network'));
    await assert.rejects(hugo.logout(), refused('offline'));
    assert.equal(kept.read(), null);
    assert.equal(hugo.name, '');
});

test('another tab logs out', async () => {
    const kept = shelf();
    const tabs = [await registered('ines', { kept }), open({ kept })];
    const changes = [];
    tabs[1].on('changed', (name) => changes.push(name));
    await tabs[0].logout();
    tabs[1].reread();
    tabs[1].reread();
    assert.deepEqual(changes, ['']);
});

test('no network is no reason to forget a login', async (t) => {
    const jan = await registered('jan');
    jan.access.until = 0;
    let online = false;
    jan.fetch = (...request) =>
        online ? fetch(...request) : Promise.reject(new TypeError('no network'));
    const user = talker(t, jan, { random: () => 0.1 });
    user.client.join('general');
    user.client.connect('jan');
    await user.until(() => user.client.connection.status.reason === 'no token', 'waiting');
    online = true;
    await user.until(() => user.client.online, 'online');
    assert.equal(jan.name, 'jan');
});

test('the guest who has a name makes an account of it', async (t) => {
    const guest = await new Talker(t, server.ws, 'karl', { session: 'of-karl' }).enter('general');
    await assert.rejects(open().register('karl', PASSWORD), refused('name_taken'));
    const karl = open();
    await karl.register('karl', PASSWORD, { session: 'of-karl' });
    await guest.until(() => guest.seen.state.at(-1).code === 4002, 'kicked');
    await talker(t, karl).enter('general');
});
