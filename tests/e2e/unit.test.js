/** The parts of the client that decide, without a server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff, comesBack } from '../../public/js/connection.js';
import { Outbox } from '../../public/js/outbox.js';
import { StreamState } from '../../public/js/stream.js';
import { StreamView } from '../../public/js/stream-view.js';

const message = (seq, extra = {}) => ({
    seq,
    id: `id${seq}`,
    user: 'bob',
    content: `n${seq}`,
    timestamp: 1_700_000_000_000 + seq,
    ...extra,
});
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => message(from + i));
const history = (from, to, epoch = 'e1', more = false) => ({
    type: 'history',
    epoch,
    messages: range(from, to),
    more,
});
const seqs = (batch) => batch.messages.map((m) => m.seq);

function joined(stream, frame) {
    stream.joined = true;
    stream.answer = { type: 'joined', missed: 0, recovered: false, ...frame };
}

/** A room that is known up to seq. */
function room(seq) {
    const stream = new StreamState('r');
    joined(stream, { epoch: 'e1', seq });
    stream.takeHistory(history(Math.max(1, seq - 2), seq));
    return stream;
}

test('close codes decide who comes back', () => {
    for (const code of [1003, 1007, 1009, 4000, 4001, 4002, 4003, 4099])
        assert.equal(comesBack(code), false, code);
    for (const code of [1000, 1001, 1006, 1011, 4100, 4101, 4102, 4201])
        assert.equal(comesBack(code), true, code);
});

test('back-off grows, is spread over the whole range and has an end', () => {
    assert.equal(
        backoff(0, () => 0),
        0,
    );
    assert.equal(
        backoff(0, () => 0.5),
        500,
    );
    assert.equal(
        backoff(3, () => 0.5),
        4000,
    );
    assert.equal(
        backoff(50, () => 0.999),
        29_970,
    );
});

test('the next message is taken, a repeated one is not', () => {
    const stream = room(3);
    assert.deepEqual(stream.take(message(4)), [message(4)]);
    assert.deepEqual(stream.take(message(4)), []);
    assert.equal(stream.take(message(6)), null);
});

test('a known number with an unknown message means that something is wrong', () => {
    assert.equal(room(3).take(message(3, { id: 'other' })), null);
});

test('a resume that recovers gives what was missed and no gap', () => {
    const stream = room(3);
    joined(stream, { epoch: 'e1', seq: 5, recovered: true, missed: 2 });
    const { batch, verified } = stream.takeHistory(history(4, 5));
    assert.deepEqual(
        [batch.kind, seqs(batch), batch.gap, verified],
        ['resumed', [4, 5], null, true],
    );
});

test('a resume that does not recover states the gap', () => {
    const stream = room(3);
    joined(stream, { epoch: 'e1', seq: 20, missed: 6 });
    const { batch, verified } = stream.takeHistory(history(10, 20));
    assert.deepEqual([batch.gap, seqs(batch).length, verified], [{ missed: 6 }, 11, false]);
});

test('a new epoch gives what was not seen before, behind a gap of unknown size', () => {
    const stream = room(3);
    joined(stream, { epoch: 'e2', seq: 4 });
    const { batch, restarted } = stream.takeHistory(history(1, 4, 'e2'));
    assert.deepEqual([batch.gap, seqs(batch), restarted], [{ missed: 0 }, [4], true]);
    assert.deepEqual(stream.take(message(5)), [message(5)]);
});

test('a private message that comes before its history waits for it', () => {
    const stream = new StreamState('@bob');
    assert.equal(stream.take(message(3)), null);
    assert.equal(stream.take(message(4)), null);
    const { batch } = stream.takeHistory(history(1, 3));
    assert.deepEqual(seqs(batch), [1, 2, 3, 4]);
    assert.equal(stream.seq, 4);
});

test('an older page is told from a resume', () => {
    const stream = room(30);
    stream.olderThan = 28;
    assert.equal(stream.isOlderPage(history(20, 27)), true);
    assert.equal(stream.isOlderPage(history(29, 31)), false);
});

/** An outbox that is always connected, what it sent, and a clock. */
function outbox(options = {}) {
    const sent = [];
    const send = (frame) => Boolean(sent.push(frame));
    return { sent, box: new Outbox({ send, ready: () => true, ...options }) };
}

test('of each stream one message is under way', () => {
    const { sent, box } = outbox();
    const [a, b] = [box.add('r', 'a'), box.add('r', 'b')];
    box.add('@bob', 'c');
    assert.deepEqual(
        sent.map((frame) => frame.content),
        ['a', 'c'],
    );
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

test('beyond the dedupe time a message is repeated only when it is proved missing', (t) => {
    t.mock.method(globalThis, 'setTimeout', () => 0);
    const now = t.mock.method(Date, 'now', () => 1000);
    for (const verified of [true, false]) {
        let ready = true;
        const { sent, box } = outbox({ ready: () => ready });
        now.mock.mockImplementation(() => 1000);
        const entry = box.add('r', 'a');
        ready = false;
        box.disconnected();
        now.mock.mockImplementation(() => 1000 + 301_000);
        ready = true;
        box.settled('r', verified);
        assert.deepEqual([entry.state, sent.length], verified ? ['sent', 2] : ['failed', 1]);
    }
});

test('what was not sent is there after a reload', () => {
    let kept = [];
    const storage = {
        load: () => structuredClone(kept),
        save: (entries) => (kept = structuredClone(entries)),
    };
    outbox({ storage, ready: () => false }).box.add('r', 'a');
    const { sent, box } = outbox({ storage });
    box.flush();
    assert.deepEqual(
        sent.map((frame) => frame.content),
        ['a'],
    );
    box.arrived(kept[0].cid);
    assert.deepEqual(kept, []);
});

test('unread counts others only, and what is behind the mark', () => {
    const view = new StreamView('r', 'alice', { epoch: 'e1', seq: 2 });
    const messages = [...range(1, 4), message(5, { user: 'alice' }), message(6)];
    view.take({
        stream: 'r',
        kind: 'fresh',
        epoch: 'e1',
        messages: messages.slice(0, 4),
        gap: null,
        more: false,
    });
    assert.equal(view.unread, 2);
    view.take({
        stream: 'r',
        kind: 'live',
        epoch: 'e1',
        messages: messages.slice(4),
        gap: null,
        more: false,
    });
    assert.equal(view.unread, 1, 'who answers has read');
    view.raiseMark(6);
    assert.equal(view.unread, 0);
    assert.equal(view.raiseMark(3), false);
});

test('a gap stands between what was there and what came', () => {
    const view = new StreamView('r', 'alice', undefined);
    view.take({
        stream: 'r',
        kind: 'fresh',
        epoch: 'e1',
        messages: range(1, 2),
        gap: null,
        more: false,
    });
    view.take({
        stream: 'r',
        kind: 'resumed',
        epoch: 'e1',
        messages: range(8, 9),
        gap: { missed: 5 },
        more: false,
    });
    assert.deepEqual(
        view.items.map((item) => (item.kind === 'gap' ? `gap ${item.missed}` : item.message.seq)),
        [1, 2, 'gap 5', 8, 9],
    );
});
