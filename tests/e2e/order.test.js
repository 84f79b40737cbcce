/** The client among frames and breaks that cross each other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, clock, message, Script } from './support/script.js';

const conversation = (epoch, ...messages) => ({
    type: 'history',
    to: 'bob',
    epoch,
    messages,
    more: false,
});

/** Knows the conversation with bob up to count. */
function withBob(t, count) {
    const script = new Script(t).enter('');
    script.client.openPrivate('bob');
    const messages = Array.from({ length: count }, (_, i) => message('@bob', i + 1));
    script.says(conversation('e1', ...messages));
    script.took('history');
    return script;
}

test('a hole is asked for once, and what came behind it is not shown before', (t) => {
    const script = new Script(t).enter('r', 2);
    script.says(message('r', 4), message('r', 5));
    assert.deepEqual(script.took('join'), [{ type: 'join', room: 'r', epoch: 'e1', seq: 2 }]);
    script.says(...answer('r', 'e1', 3, 5), message('r', 6));
    script.assertShown('n1', 'n2', 'n3', 'n4', 'n5', 'n6');
    assert.deepEqual(script.gaps(), []);
});

test('a new epoch that crosses a resume leaves one gap mark, not two', (t) => {
    const script = new Script(t).enter('r', 2);
    script.says(message('r', 4));
    script.says(...answer('r', 'e2', 1, 3, { recovered: false })); // by itself
    script.says(...answer('r', 'e2', 1, 4, { recovered: false })); // to the join in e1
    script.says(message('r', 5));
    script.assertShown('n1', 'n2', 'n3', 'n4', 'n5');
    assert.deepEqual(script.gaps(), [0]);
});

test('what cannot be recovered is a gap of its size', (t) => {
    const script = new Script(t).enter('r', 2);
    script.ends();
    script.client.connection.open();
    script.accept().says({ type: 'welcome', user: 'alice' });
    const [{ resume }] = script.took('hello');
    assert.deepEqual(resume, { r: { epoch: 'e1', seq: 2 } });
    script.says(...answer('r', 'e1', 10, 12, { recovered: false, missed: 7 }));
    script.assertShown('n1', 'n2', 'n10', 'n11', 'n12');
    assert.deepEqual(script.gaps(), [7]);
});

test('a message under way in a new epoch is sent again only after the history', (t) => {
    const script = new Script(t).enter('r', 2);
    const { cid } = script.client.sendMessage('r', 'mine');
    script.client.sendMessage('r', 'second');
    assert.equal(script.took('message').length, 1);
    const [joined, history] = answer('r', 'e2', 1, 2, { recovered: false });
    script.says(joined);
    script.says({ type: 'error', code: 'unavailable', cid, temporary: true, retry_after_ms: 1 });
    script.client.outbox.release();
    assert.deepEqual(script.took('message'), [], 'the stream is not known yet');
    script.says(history);
    assert.deepEqual(
        script.took('message').map((frame) => frame.cid),
        [cid],
    );
    script.says({ type: 'ack', cid, room: 'r', seq: 3 });
    script.says(message('r', 3, { user: 'alice', cid, content: 'mine' }));
    assert.equal(script.took('message')[0].content, 'second');
});

test('a message that the history has is not sent again', (t) => {
    const script = new Script(t).enter('r', 2);
    const { cid } = script.client.sendMessage('r', 'mine');
    script.ends();
    script.client.connection.open();
    script.accept().says({ type: 'welcome', user: 'alice' });
    const [joined, history] = answer('r', 'e1', 3, 3);
    Object.assign(history.messages[0], { user: 'alice', cid, content: 'mine' });
    script.says(joined, history);
    assert.deepEqual(script.took('message'), []);
    assert.deepEqual(script.client.outbox.entries, []);
    script.assertShown('n1', 'n2', 'mine');
});

test('a message that the history had before the storage was read is not sent again', async (t) => {
    const firstSent = Date.now() - 400_000; // beyond the dedupe time
    const left = { cid: 'c1', stream: 'r', content: 'mine', created: 1, firstSent, seq: 0 };
    let read;
    const storage = {
        load: () => new Promise((resolve) => (read = resolve)),
        add: async () => true,
        update: async () => true,
        remove() {},
    };
    const script = new Script(t, { storage }).enter('');
    script.client.join('r');
    const [joined, history] = answer('r', 'e1', 1, 3);
    Object.assign(history.messages[2], { user: 'alice', cid: 'c1', content: 'mine' });
    script.says(joined, history);
    read([{ ...left, state: 'sent', error: '' }]);
    await new Promise((resolve) => setImmediate(resolve));
    script.says(...answer('r', 'e1', 4, 3)); // to a doubt
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(script.took('message'), []);
    assert.deepEqual(script.client.outbox.entries, []);
});

test('Redis is back: what waits is sent and asked for at once', (t) => {
    const script = new Script(t).enter('r', 2);
    script.client.openPrivate('bob');
    const { cid } = script.client.sendMessage('r', 'patient');
    const later = { type: 'error', code: 'unavailable', temporary: true, retry_after_ms: 60_000 };
    script.says({ type: 'status', state: 'degraded' }, { ...later, cid }, later);
    script.took('message');
    script.took('history');
    script.says({ type: 'status', state: 'ok' });
    assert.equal(script.took('message')[0].cid, cid);
    assert.equal(script.took('history')[0].to, 'bob');
});

test('a server that lost sight of a member is told again, and the message is not failed', (t) => {
    const script = new Script(t).enter('r', 2);
    const { cid } = script.client.sendMessage('r', 'still here');
    script.took('message');
    script.says({ type: 'error', code: 'not_joined', field: 'room', cid, temporary: false });
    assert.deepEqual(script.took('join'), [{ type: 'join', room: 'r', epoch: 'e1', seq: 2 }]);
    assert.deepEqual(script.took('message'), []);
    script.says(...answer('r', 'e1', 3, 2));
    assert.equal(script.took('message')[0].cid, cid);
});

test('of several rooms the one that is refused is found', (t) => {
    const pass = clock(t);
    const script = new Script(t).enter('');
    const refused = [];
    script.client.on('refused', ({ stream }) => refused.push(stream));
    for (const room of ['good', 'bad', 'fine']) script.client.join(room);
    const error = { type: 'error', code: 'store_failed', field: 'room', temporary: false };
    script.says(error, ...answer('good', 'e1', 1, 0), ...answer('fine', 'e1', 1, 0));
    assert.deepEqual(refused, []);
    script.took('join');
    pass(1000);
    assert.deepEqual(
        script.took('join').map((frame) => frame.room),
        ['bad'],
    );
    script.says(error);
    assert.deepEqual([refused, [...script.client.streams.keys()]], [['bad'], ['good', 'fine']]);
});

test('a conversation whose numbers started anew is shown on, and asked for twice at most', (t) => {
    const script = withBob(t, 10);
    script.says(message('@bob', 12)); // 11 is missing, and lost
    assert.equal(script.took('history').length, 1);
    const anew = (seq) => message('@bob', seq, { id: `new${seq}`, content: `m${seq}` });
    script.says(conversation('e2', anew(1), anew(2)));
    assert.equal(script.took('history').length, 0, 'what was held is lost as well');
    script.says(anew(3));
    const old = Array.from({ length: 10 }, (_, i) => `n${i + 1}`);
    script.assertShown(...old, 'm1', 'm2', 'm3');
    assert.deepEqual(script.gaps(), [0]);
});

test('a conversation that the server names is asked for, whatever its number', (t) => {
    const script = withBob(t, 2);
    script.says({ type: 'heartbeat', top: { '@bob': 2 } });
    assert.equal(script.took('history').length, 1);
    const other = message('@bob', 2, { id: 'other', content: 'm2' });
    script.says(conversation('e2', message('@bob', 1), other));
    script.assertShown('n1', 'n2', 'm2');
});

test('an older page and a resume of a conversation are not mixed up', async (t) => {
    const script = withBob(t, 2);
    script.client.streams.get('@bob').seq = 60; // as if there were more
    const page = script.client.page('@bob', { before: 50 });
    const [{ before, cid }] = script.took('history');
    assert.equal(before, 50);
    script.says(message('@bob', 62)); // 61 is missing
    assert.deepEqual(
        script.took('history').map((frame) => [frame.before, frame.cid]),
        [[undefined, undefined]],
    );
    script.says(conversation('e1', ...[60, 61, 62].map((seq) => message('@bob', seq))));
    script.says({ ...conversation('e1', message('@bob', 48), message('@bob', 49)), cid });
    assert.deepEqual(
        (await page).messages.map(({ seq }) => seq),
        [48, 49],
    );
    assert.deepEqual(
        script.batches.map(({ kind }) => kind),
        ['fresh', 'resumed'],
    );
    assert.deepEqual(script.gaps(), []);
    assert.deepEqual(
        script.batches[1].messages.map(({ seq }) => seq),
        [61, 62],
    );
});

test('a question ends with its answer, its error, its connection or its time', async (t) => {
    const pass = clock(t);
    const script = new Script(t).enter('r', 2);
    const asked = (promise) => {
        promise.catch(() => {});
        return [promise, script.took('search').concat(script.took('history'))[0].cid];
    };
    const [found, foundCid] = asked(script.client.search({ q: 'tea', stream: '@bob' }));
    const [refused, refusedCid] = asked(script.client.search({ q: '*' }));
    const [late, lateCid] = asked(script.client.page('r', { before: 1 }));
    const error = { type: 'error', code: 'bad_query', message: 'no', temporary: false };
    script.says({ ...error, cid: refusedCid });
    script.says({ type: 'search', q: 'tea', results: [], cid: foundCid });
    assert.equal((await found).q, 'tea');
    await assert.rejects(refused, { code: 'bad_query', message: 'no' });
    pass(15_000);
    await assert.rejects(late, { code: 'offline' });
    script.says({ type: 'history', room: 'r', epoch: 'e1', messages: [], cid: lateCid });
    assert.equal(script.batches.length, 1, 'a late answer is nobody\'s');
    const [cut] = asked(script.client.search({ q: 'tea' }));
    script.ends();
    await assert.rejects(cut, { code: 'offline' });
    await assert.rejects(script.client.search({ q: 'tea' }), { code: 'offline' });
});

test('a listener that throws does not keep the client from its work', (t) => {
    const pass = clock(t);
    const script = new Script(t);
    script.client.on('messages', () => {
        throw new Error('mine');
    });
    script.enter('r', 2).says(message('r', 3));
    script.client.sendMessage('r', 'hello');
    assert.equal(script.took('message').length, 1);
    assert.throws(() => pass(0), /mine/, 'it is not swallowed either');
});

test('after bye the client comes back when it was told to', (t) => {
    const script = new Script(t).enter('r', 2);
    const { connection } = script.client;
    const now = Date.now();
    script.says({ type: 'bye', code: 4201, reason: 'draining', retry_ms: 700 });
    script.ends(4201);
    assert.deepEqual([connection.status.state, connection.status.code], ['waiting', 4201]);
    const { retryAt } = connection.status;
    assert.ok(retryAt >= now + 700 && retryAt <= Date.now() + 700, 'not the back-off');
});

test('a server that says goodbye and does not close is left', (t) => {
    const pass = clock(t);
    const script = new Script(t).enter('r', 2);
    script.says({ type: 'bye', code: 4201, reason: 'draining', retry_ms: 700 });
    pass(10_000);
    assert.equal(script.client.connection.status.state, 'waiting');
    pass(700);
    assert.equal(script.sockets.length, 2);
});

test('each failed attempt doubles the bound of the delay, up to ten seconds', (t) => {
    const pass = clock(t);
    const script = new Script(t);
    const { connection } = script.client;
    script.client.connect('alice');
    const delays = [];
    for (let i = 0; i < 6; i++) {
        script.ends();
        const delay = connection.status.retryAt - Date.now();
        delays.push(delay);
        pass(delay);
    }
    assert.deepEqual(delays, [500, 1000, 2000, 4000, 5000, 5000]); // random() is 0.5
    script.accept().says({ type: 'welcome', user: 'alice' });
    pass(10_000);
    script.ends();
    assert.equal(connection.status.retryAt - Date.now(), 500, 'it was steady');
});

test('waking up asks; without an answer within 3 s there is a new socket', (t) => {
    const pass = clock(t);
    const script = new Script(t).enter('r', 2);
    script.client.wake();
    script.client.wake();
    assert.deepEqual(script.took('join'), [{ type: 'join', room: 'r', epoch: 'e1', seq: 2 }]);
    script.says({ type: 'presence', room: 'r', join: [], leave: [] }); // may be old
    pass(2_999);
    assert.equal(script.client.online, true);
    pass(1);
    assert.equal(script.client.connection.status.state, 'waiting');
    script.client.wake();
    assert.equal(script.sockets.length, 2, 'waiting ends at once');
});

for (const [code, comes] of [
    [1001, true],
    [1006, true],
    [1009, false],
    [4001, false],
    [4102, true],
])
    test(`close code ${code}: the client ${comes ? 'comes back' : 'stays away'}`, (t) => {
        const script = new Script(t).enter('r', 2);
        script.ends(code, 'why');
        assert.equal(script.client.connection.status.state, comes ? 'waiting' : 'stopped');
        script.client.wake();
        assert.equal(script.sockets.length, comes ? 2 : 1);
    });
