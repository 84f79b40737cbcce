/** What becomes of a message that was written, without a server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outbox } from '../../public/js/outbox.js';

/** An outbox that is always connected, and what it sent. */
function outbox(options = {}) {
    const sent = [];
    const send = (frame) => Boolean(sent.push(frame));
    return { sent, box: new Outbox({ send, ready: () => true, ...options }) };
}

/** A storage that outlives outboxes; `taken` are cids that another page has. */
function shelf() {
    const rows = new Map();
    const taken = new Set();
    const put = async (entry) => Boolean(rows.set(entry.cid, structuredClone(entry)));
    return {
        rows,
        taken,
        load: async () => [...rows.values()].map((row) => structuredClone(row)),
        add: put,
        update: async (entry) => !taken.has(entry.cid) && put(entry),
        remove: (cid) => void rows.delete(cid),
    };
}

const contents = (frames) => frames.map((frame) => frame.content);
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Stops the clocks; returns a function that sets the time. */
function frozen(t) {
    t.mock.method(globalThis, 'setTimeout', () => ({}));
    const now = t.mock.method(Date, 'now', () => 1000);
    return (ms) => now.mock.mockImplementation(() => ms);
}

test('of each stream one message is under way', () => {
    const { sent, box } = outbox();
    const [a, b] = [box.add('r', 'a'), box.add('r', 'b')];
    box.add('@bob', 'c');
    assert.deepEqual(contents(sent), ['a', 'c']);
    box.acknowledged(a.cid, 1);
    assert.equal(sent[2].cid, b.cid);
    box.disconnected();
});

test('a temporary error is tried again with the same cid, a lasting one is reported', (t) => {
    const timers = [];
    t.mock.method(globalThis, 'setTimeout', (run, ms) => timers.push({ run, ms }));
    const { sent, box } = outbox();
    const entry = box.add('r', 'a');
    box.refused(entry.cid, 'unavailable', true, 500);
    box.flush();
    assert.equal(sent.length, 1);
    timers.find(({ ms }) => ms === 500).run();
    assert.deepEqual([sent.length, sent[1].cid], [2, sent[0].cid]);
    box.refused(entry.cid, 'bad_content', false, 0);
    assert.deepEqual([entry.state, entry.error], ['failed', 'bad_content']);
    box.retry(entry.cid);
    assert.equal(sent[2].cid, sent[0].cid);
});

test('a temporary error does not let the next message overtake', (t) => {
    frozen(t);
    const { sent, box } = outbox();
    const a = box.add('r', 'a');
    box.add('r', 'b');
    box.refused(a.cid, 'unavailable', true, 500);
    box.release();
    assert.deepEqual(contents(sent), ['a', 'a']);
    box.acknowledged(a.cid, 1);
    assert.deepEqual(contents(sent), ['a', 'a', 'b']);
});

test('answers to an earlier attempt are understood, whenever they come', (t) => {
    frozen(t);
    const { sent, box } = outbox();
    const a = box.add('r', 'a');
    box.disconnected();
    box.flush();
    box.acknowledged(a.cid, 1);
    box.refused(a.cid, 'unavailable', true, 500); // to the other attempt
    assert.deepEqual([a.state, sent.length], ['stored', 2]);
    const b = box.add('r', 'b');
    box.refused(b.cid, 'unavailable', true, 500);
    box.acknowledged(b.cid, 2); // late, but good
    assert.equal(b.state, 'stored');
    box.release();
    assert.equal(sent.length, 3);
});

test('a message without an answer is repeated, and the connection is doubted', (t) => {
    const timers = [];
    t.mock.method(globalThis, 'setTimeout', (run, ms) => timers.push({ run, ms }));
    const { sent, box } = outbox();
    let doubts = 0;
    box.on('silent', () => doubts++);
    box.add('r', 'a');
    timers.find(({ ms }) => ms === 10_000).run();
    assert.deepEqual([doubts, contents(sent)], [1, ['a', 'a']]);
});

test('beyond the dedupe time a message is repeated only when it is proved missing', (t) => {
    const setTime = frozen(t);
    for (const since of [1000, 1001]) {
        setTime(1000);
        const doubts = [];
        const { sent, box } = outbox({ doubt: (stream) => doubts.push(stream) });
        const entry = box.add('r', 'a');
        setTime(302_000);
        box.refused(entry.cid, 'unavailable', true, 0); // as it has been for five minutes
        assert.deepEqual([doubts, sent.length], [['r'], 1]);
        box.settled('r', since);
        assert.deepEqual([entry.state, sent.length], since === 1000 ? ['sent', 2] : ['failed', 1]);
    }
});

test('a clock that was set back is no proof that the dedupe time is not over', (t) => {
    const setTime = frozen(t);
    setTime(1_000_000);
    const { sent, box } = outbox({ doubt: () => {} });
    box.add('r', 'a');
    setTime(500_000);
    box.disconnected();
    box.flush();
    assert.equal(sent.length, 1);
});

test('what was not sent is there after a reload, in order', async () => {
    const storage = shelf();
    const first = outbox({ storage, ready: () => false });
    for (const content of ['a', 'b', 'c']) first.box.add('r', content);
    await turn();
    const { sent, box } = outbox({ storage });
    const d = box.add('r', 'd'); // before the others are loaded
    await turn();
    assert.deepEqual(contents(box.entries), ['a', 'b', 'c', 'd']);
    while (box.entries.length) {
        box.acknowledged(sent.at(-1).cid, sent.length);
        box.shown('r', sent.length);
        await turn();
    }
    assert.deepEqual(contents(sent), ['a', 'b', 'c', 'd']);
    assert.ok(d.created > first.box.entries[2].created);
    assert.equal(storage.rows.size, 0);
});

test('what the storage finds late goes before what waits', async () => {
    let tell;
    const load = async (late) => {
        tell = late;
        return [];
    };
    const { sent, box } = outbox({ storage: { ...shelf(), load } });
    for (const content of ['b', 'c']) box.add('r', content);
    await turn();
    assert.deepEqual(contents(sent), ['b']); // it does not wait for what may never come
    const left = { cid: '1', stream: 'r', content: 'a', created: 1, firstSent: 0, seq: 0 };
    tell([{ ...left, state: 'sent', error: '' }]);
    for (const seq of [1, 2, 3]) {
        box.acknowledged(sent.at(-1).cid, seq);
        await turn();
    }
    assert.deepEqual(contents(sent), ['b', 'a', 'c']);
});

test('that a message is sent is recorded before it is sent', async () => {
    const storage = shelf();
    const recorded = [];
    const { box } = outbox({
        storage,
        send: ({ cid }) => Boolean(recorded.push(structuredClone(storage.rows.get(cid)))),
    });
    await turn();
    box.add('r', 'a');
    await turn();
    assert.deepEqual(
        recorded.map(({ state, firstSent }) => [state, firstSent > 0]),
        [['sent', true]],
    );
    box.disconnected();
});

test('an ack that got lost, then a reload: the same cid again', async () => {
    const storage = shelf();
    const before = outbox({ storage });
    await turn();
    before.box.add('r', 'a');
    await turn();
    before.box.disconnected();
    const { sent, box } = outbox({ storage });
    await turn();
    await turn();
    assert.deepEqual(sent, before.sent);
    assert.equal(box.entries[0].firstSent, before.box.entries[0].firstSent);
    box.disconnected();
});

test('what another page has taken over is not sent, unless the user wants it', async () => {
    const storage = shelf();
    let ready = false;
    const { sent, box } = outbox({ storage, ready: () => ready });
    await turn();
    const entry = box.add('r', 'a');
    await turn();
    storage.taken.add(entry.cid);
    ready = true;
    box.flush();
    await turn();
    assert.deepEqual([entry.state, entry.error, sent.length], ['failed', 'uncertain', 0]);
    box.retry(entry.cid);
    await turn();
    assert.equal(sent.length, 1);
    box.disconnected();
});

test('a connection that ends while a message is recorded does not lose it', async () => {
    const { sent, box } = outbox({ storage: shelf() });
    await turn();
    box.add('r', 'a');
    box.disconnected();
    await turn();
    assert.deepEqual([sent.length, box.entries[0].state], [0, 'waiting']);
    box.flush();
    await turn();
    assert.equal(sent.length, 1);
    box.disconnected();
});

test('a storage that fails at everything is as good as none', async () => {
    const fail = () => {
        throw new Error('broken');
    };
    const { sent, box } = outbox({
        storage: { load: async () => fail(), add: async () => fail(), update: fail, remove: fail },
    });
    const a = box.add('r', 'a');
    await turn();
    assert.equal(sent.length, 1);
    box.acknowledged(a.cid, 1);
    box.shown('r', 1);
    assert.equal(box.entries.length, 0);
});
