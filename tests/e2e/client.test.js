/** js/confab-client.js in node against real servers. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startConfab, startProxy, startRedis } from './support/server.js';
import { Talker } from './support/talker.js';

const FREE = { RATE_LIMIT_MESSAGES: '0' };
let redis, one, two;

before(async () => {
    redis = await startRedis();
    [one, two] = await Promise.all([
        startConfab(redis, { env: FREE }),
        startConfab(redis, { env: FREE }),
    ]);
});

after(async () => {
    await Promise.all([one?.stop(), two?.stop()]);
    await redis?.stop();
});

const numbered = (count, from = 1) => Array.from({ length: count }, (_, i) => `n${i + from}`);

test('a message reaches a client of another instance, and its writer once', async (t) => {
    const alice = await new Talker(t, one.ws, 'alice').enter('lobby');
    const bob = await new Talker(t, two.ws, 'bob').enter('lobby');
    await alice.say('lobby', 'hello');
    await bob.hears('lobby', 'hello');
    await alice.until(() => alice.client.outbox.entries.length === 0, 'outbox empty');
    assert.deepEqual(alice.texts('lobby'), ['hello']);
    assert.deepEqual(bob.messages('lobby')[0].user, 'alice');
});

test('what one writes at once keeps its order', async (t) => {
    const alice = await new Talker(t, one.ws, 'alice2').enter('order');
    const texts = numbered(30);
    for (const text of texts) alice.client.sendMessage('order', text);
    await alice.hears('order', 'n30');
    assert.deepEqual(alice.texts('order'), texts);
    assert.deepEqual(
        alice.messages('order').map((message) => message.seq),
        texts.map((_, i) => i + 1),
    );
});

test('messages written before the connection go out when it is there', async (t) => {
    const alice = new Talker(t, one.ws, 'early');
    alice.client.join('early-room');
    alice.client.sendMessage('early-room', 'first');
    alice.client.connect('early');
    await alice.hears('early-room', 'first');
});

test('a client that lost its server catches up in order and without repetition', async (t) => {
    const mortal = await startConfab(redis, { t, env: FREE });
    const alice = await new Talker(t, one.ws, 'alice3').enter('catch');
    const bob = await new Talker(t, mortal.ws, 'bob3').enter('catch');
    await alice.say('catch', 'n1');
    await bob.hears('catch', 'n1');
    await mortal.kill();
    await bob.until(() => !bob.client.online, 'offline');
    for (const text of numbered(20, 2)) await alice.say('catch', text);
    const again = await startConfab(redis, { t, port: mortal.port, env: FREE });
    bob.client.wake();
    await bob.hears('catch', 'n21');
    assert.deepEqual(bob.texts('catch'), numbered(21));
    const resumed = bob.seen.messages.filter((batch) => batch.kind === 'resumed');
    assert.equal(resumed[0].gap, null);
    assert.equal(resumed[0].messages.length, 20);
});

test('what Redis no longer keeps is said to be missing', async (t) => {
    const proxy = await startProxy(t, two.port);
    const alice = await new Talker(t, one.ws, 'alice4').enter('gap');
    const bob = await new Talker(t, `ws://127.0.0.1:${proxy.port}/ws`, 'bob4').enter('gap');
    await alice.say('gap', 'n1');
    await bob.hears('gap', 'n1');
    bob.client.connection.close();
    for (const text of numbered(104, 2)) alice.client.sendMessage('gap', text);
    await alice.hears('gap', 'n105');
    bob.client.connection.open();
    await bob.hears('gap', 'n105');
    const [resumed] = bob.seen.messages.filter((batch) => batch.kind === 'resumed');
    assert.deepEqual(resumed.gap, { missed: 4 });
    assert.deepEqual(bob.texts('gap'), ['n1', ...numbered(100, 6)]);
});

test('a message whose ack got lost is stored once', async (t) => {
    const proxy = await startProxy(t, one.port);
    const alice = await new Talker(t, `ws://127.0.0.1:${proxy.port}/ws`, 'alice5').enter('once');
    const bob = await new Talker(t, two.ws, 'bob5').enter('once');
    proxy.deafen();
    alice.client.sendMessage('once', 'only one of me');
    await bob.hears('once', 'only one of me');
    proxy.cut();
    await alice.until(() => alice.client.outbox.entries.length === 0, 'outbox empty');
    await bob.say('once', 'after');
    await alice.hears('once', 'after');
    assert.deepEqual(alice.texts('once'), ['only one of me', 'after']);
    assert.deepEqual(bob.texts('once'), ['only one of me', 'after']);
});

test('a repeated cid is answered with the first number', async (t) => {
    const alice = await new Talker(t, one.ws, 'alice6').enter('cid');
    await alice.say('cid', 'x');
    const [{ cid, seq }] = alice.messages('cid');
    const answered = new Promise((resolve) => {
        alice.client.connection.on('frame', (frame) => frame.type === 'ack' && resolve(frame));
    });
    alice.client.connection.send({ type: 'message', room: 'cid', content: 'x', cid });
    const ack = await answered;
    assert.equal(ack.duplicate, true);
    assert.equal(ack.seq, seq);
});

test('after waking up a dead socket is replaced within seconds', async (t) => {
    const proxy = await startProxy(t, one.port);
    const alice = await new Talker(t, `ws://127.0.0.1:${proxy.port}/ws`, 'alice7').enter('wake');
    const bob = await new Talker(t, two.ws, 'bob7').enter('wake');
    proxy.deafen();
    await bob.say('wake', 'are you there?');
    alice.client.wake();
    await alice.hears('wake', 'are you there?', 10_000);
    assert.ok(
        alice.seen.state.some(({ state, reason }) => state === 'waiting' && /waking/.test(reason)),
    );
});

test('waking up a living socket keeps it', async (t) => {
    const alice = await new Talker(t, one.ws, 'alice8').enter('alive');
    const states = alice.seen.state.length;
    alice.client.wake();
    await alice.until(
        () => !alice.client.connection.timers.probe && alice.seen.joined.length > 1,
        'answered',
    );
    await alice.say('alive', 'still the same one');
    assert.equal(alice.seen.state.length, states);
});

test('silence is noticed without waking up', async (t) => {
    const quick = await startConfab(redis, { t, env: { ...FREE, HEARTBEAT_MS: '200' } });
    const proxy = await startProxy(t, quick.port);
    const alice = await new Talker(t, `ws://127.0.0.1:${proxy.port}/ws`, 'alice9').enter('silence');
    proxy.deafen();
    await alice.until(
        () => alice.seen.state.some(({ reason }) => /silent/.test(reason)),
        'noticed',
    );
    await alice.until(() => alice.client.online && alice.seen.welcome.length === 2, 'back');
});

test('a name in use is refused, and the client stays away', async (t) => {
    const alice = await new Talker(t, one.ws, 'taken').enter('lobby');
    const thief = new Talker(t, two.ws, 'taken');
    thief.client.connect('taken');
    await thief.until(() => thief.seen.refused.length === 1, 'refused');
    assert.equal(thief.seen.refused[0].code, 'name_taken');
    assert.equal(thief.client.connection.status.state, 'idle');
});

test('private messages reach both sides and are there after a reconnect', async (t) => {
    const alice = await new Talker(t, one.ws, 'alice10').enter();
    await alice.until(() => alice.client.online, 'online');
    const bob = await new Talker(t, two.ws, 'bob10').enter();
    await bob.until(() => bob.client.online, 'online');
    await alice.say('@bob10', 'psst');
    await bob.hears('@alice10', 'psst');
    await bob.say('@alice10', 'yes?');
    await alice.hears('@bob10', 'yes?');
    bob.client.connection.close();
    await alice.say('@bob10', 'still there?');
    bob.client.connection.open();
    await bob.hears('@alice10', 'still there?');
    assert.deepEqual(bob.texts('@alice10'), ['psst', 'yes?', 'still there?']);
    assert.deepEqual(alice.texts('@bob10'), ['psst', 'yes?', 'still there?']);
});

test('typing and read marks are passed on', async (t) => {
    const alice = await new Talker(t, one.ws, 'alice11').enter('signs');
    const bob = await new Talker(t, two.ws, 'bob11').enter('signs');
    await alice.say('signs', 'read me');
    await bob.hears('signs', 'read me');
    bob.client.typing('signs');
    bob.client.read('signs', 1);
    await alice.until(() => alice.seen.typing.length && alice.seen.read.length, 'signs');
    assert.deepEqual(alice.seen.typing[0], { stream: 'signs', user: 'bob11' });
    assert.deepEqual(alice.seen.read[0], { stream: 'signs', user: 'bob11', seq: 1 });
    assert.equal(bob.seen.typing.length, 0);
});

test('older messages come in pages', async (t) => {
    const alice = await new Talker(t, one.ws, 'alice12').enter('pages');
    for (const text of numbered(60)) alice.client.sendMessage('pages', text);
    await alice.hears('pages', 'n60');
    const page = await alice.client.page('pages', { before: 60 });
    assert.equal(page.messages.length, 50);
    assert.equal(page.messages[49].seq, 59);
    assert.equal(page.older.before, 10);
    const rest = await alice.client.page('pages', page.older);
    assert.equal(rest.messages.length, 9);
    assert.equal(rest.older, null); // there is no archive here
    const forth = await alice.client.page('pages', rest.newer, 3);
    assert.deepEqual(forth.messages.map(({ seq }) => seq), [10, 11, 12]);
    await assert.rejects(alice.client.page('pages', { before: 5, epoch: 'other' }), {
        code: 'bad_cursor',
    });
    await assert.rejects(alice.client.page('elsewhere', {}), { code: 'offline' });
    await assert.rejects(alice.client.search({ q: 'n1' }), { code: 'archive_off' });
});

test('over the rate limit messages wait and arrive in order', async (t) => {
    const strict = await startConfab(redis, {
        t,
        env: { RATE_LIMIT_MESSAGES: '3', RATE_LIMIT_WINDOW_S: '1' },
    });
    const alice = await new Talker(t, strict.ws, 'alice13').enter('limit');
    for (const text of numbered(7)) alice.client.sendMessage('limit', text);
    await alice.hears('limit', 'n7');
    assert.deepEqual(alice.texts('limit'), numbered(7));
    assert.equal(alice.seen.hold[0].code, 'rate_limited');
});

test('a draining server sends its clients away with a time to come back', async (t) => {
    const leaving = await startConfab(redis, { t, env: FREE });
    const alice = await new Talker(t, leaving.ws, 'alice14').enter('drain');
    const sentAway = () => alice.seen.state.find(({ state }) => state === 'waiting');
    await leaving.stop();
    await alice.until(sentAway, 'sent away');
    // By now it may have come back in vain, which ends with a code of its own.
    assert.deepEqual([sentAway().code, sentAway().reason], [4201, 'the server stops']);
});

test('the clients of a dead server come back within the back-off, and not in step', async (t) => {
    const mortal = await startConfab(redis, { t, env: FREE });
    const clients = Array.from({ length: 100 }, (_, i) => new Talker(t, mortal.ws, `storm${i}`));
    await Promise.all(clients.map((client) => client.enter('storm')));
    await mortal.kill();
    const again = startConfab(redis, { t, port: mortal.port, env: FREE });
    const offline = ({ seen }) => seen.state.find(({ state }) => state === 'waiting');
    await Promise.all(clients.map((client) => client.until(() => offline(client), 'noticed')));
    const times = clients.map((client) => offline(client).retryAt).sort((a, b) => a - b);
    const spread = times.at(-1) - times[0];
    assert.ok(spread > 500, `the first attempts are spread over ${spread} ms`);
    const crowd = Math.max(...times.map((a) => times.filter((b) => b >= a && b < a + 100).length));
    assert.ok(crowd < 40, `${crowd} of 100 within 100 ms`);
    await again;
    const MOST_MS = 10_000;
    await Promise.all(
        clients.map((client) => client.until(() => client.client.online, 'back', MOST_MS + 5_000)),
    );
});

test('Redis comes back without its data: a gap is said, nothing is shown twice', async (t) => {
    const forgetful = await startRedis();
    t.after(() => forgetful.stop());
    const server = await startConfab(forgetful, { t, env: FREE });
    const alice = await new Talker(t, server.ws, 'alice15').enter('loss');
    const bob = await new Talker(t, server.ws, 'bob15').enter('loss');
    for (const text of numbered(3)) await alice.say('loss', text);
    await bob.hears('loss', 'n3');
    await bob.say('@alice15', 'psst');
    await alice.hears('@bob15', 'psst');
    await forgetful.kill();
    alice.client.sendMessage('loss', 'n4');
    await alice.until(() => alice.client.degraded, 'degraded');
    await forgetful.start();
    for (const client of [alice, bob]) {
        await client.hears('loss', 'n4', 20_000);
        assert.deepEqual(client.texts('loss'), numbered(4));
        const gaps = client.seen.messages.filter(({ gap, stream }) => gap && stream === 'loss');
        assert.deepEqual(
            gaps.map(({ gap }) => gap.missed),
            [0],
        );
    }
    await bob.say('@alice15', 'and again');
    await alice.hears('@bob15', 'and again');
    assert.deepEqual(alice.texts('@bob15'), ['psst', 'and again']);
    await alice.until(() => alice.client.outbox.entries.length === 0, 'outbox empty');
});
