/** The parts of the client that decide, without a server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff, comesBack } from '../../public/js/connection.js';
import { Run } from '../../public/js/run.js';
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

const NOW = 1_700_000_500_000;

/** A room that is known up to seq since NOW. */
function room(seq) {
    const stream = new StreamState('r');
    joined(stream, { epoch: 'e1', seq });
    stream.takeHistory(history(Math.max(2, seq - 2), seq), NOW);
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
        backoff(2, () => 0.5),
        2000,
    );
    assert.equal(
        backoff(50, () => 0.999),
        9_990,
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
    const { batch } = stream.takeHistory(history(4, 5), NOW + 1);
    assert.deepEqual([batch.kind, seqs(batch), batch.gap], ['resumed', [4, 5], null]);
    assert.equal(stream.since, NOW, 'nothing was missed since it was joined');
});

test('a resume that does not recover states the gap', () => {
    const stream = room(3);
    joined(stream, { epoch: 'e1', seq: 20, missed: 6 });
    const { batch } = stream.takeHistory(history(10, 20), NOW + 1);
    assert.deepEqual([batch.gap, seqs(batch).length], [{ missed: 6 }, 11]);
    assert.equal(stream.since, NOW + 1);
});

test('a new epoch gives what was not seen before, behind a gap of unknown size', () => {
    const stream = room(3);
    joined(stream, { epoch: 'e2', seq: 4 });
    const { batch, restarted } = stream.takeHistory(history(1, 4, 'e2'), NOW);
    assert.deepEqual([batch.gap, seqs(batch), restarted], [{ missed: 0 }, [4], true]);
    assert.deepEqual(stream.take(message(5)), [message(5)]);
});

test('a new epoch does not bring back what is older than all that was shown', () => {
    const stream = room(9); // 7, 8 and 9 were shown
    joined(stream, { epoch: 'e2', seq: 9 });
    const { batch } = stream.takeHistory(
        { ...history(5, 8, 'e2'), messages: [...range(5, 8), message(9, { id: 'new' })] },
        NOW,
    );
    assert.deepEqual(
        batch.messages.map((m) => m.id),
        ['new'],
    );
});

test('a conversation that began here and started anew is not mistaken for the same', () => {
    const stream = new StreamState('@bob');
    stream.takeHistory(history(1, 0, ''), NOW); // nobody had said anything
    stream.take(message(1));
    const other = { ...history(1, 1, 'e2'), messages: [message(1, { id: 'new' })] };
    const { batch } = stream.takeHistory(other, NOW);
    assert.deepEqual([batch.messages, batch.gap], [other.messages, { missed: 0 }]);
    const same = stream.takeHistory({ ...other, messages: [...other.messages, message(2)] }, NOW);
    assert.deepEqual([seqs(same.batch), same.batch.gap], [[2], null]);
});

test('a private message that comes before its history waits for it', () => {
    const stream = new StreamState('@bob');
    assert.equal(stream.take(message(3)), null);
    assert.equal(stream.take(message(4)), null);
    const { batch } = stream.takeHistory(history(1, 3), NOW);
    assert.deepEqual(seqs(batch), [1, 2, 3, 4]);
    assert.equal(stream.seq, 4);
});

test('a second answer to a resume that crossed the first one is no gap', () => {
    const stream = room(3);
    joined(stream, { epoch: 'e2', seq: 4 });
    stream.takeHistory(history(1, 4, 'e2'), NOW);
    joined(stream, { epoch: 'e2', seq: 5 }); // to what was asked in the old epoch
    const { batch } = stream.takeHistory(history(1, 5, 'e2'), NOW);
    assert.deepEqual([batch.gap, seqs(batch)], [null, [5]]);
});

test('a top that falls means that numbers were lost, whatever the epoch says', () => {
    const stream = room(20);
    joined(stream, { epoch: 'e1', seq: 15 });
    const { batch, restarted } = stream.takeHistory(history(10, 15), NOW);
    assert.deepEqual([batch.gap, restarted], [{ missed: 0 }, true]);
    assert.deepEqual(stream.take(message(16, { id: 'new' })), [message(16, { id: 'new' })]);
});

test('what Redis lost and its writer sent again is shown once', () => {
    const stream = room(2);
    const lost = message(3, { cid: 'c' });
    stream.take(lost);
    joined(stream, { epoch: 'e2', seq: 2 });
    stream.takeHistory(history(1, 2, 'e2'), NOW);
    assert.deepEqual(stream.take({ ...lost, id: 'again' }), []);
    const later = message(4, { cid: 'c', timestamp: lost.timestamp + 300_000 });
    assert.deepEqual(stream.take(later), [later], 'a cid may be used again after its time');
});

test('a private message from before a new epoch does not keep the conversation waiting', () => {
    const stream = new StreamState('@bob');
    stream.takeHistory(history(8, 10), NOW);
    assert.equal(stream.take(message(15)), null);
    stream.requested(NOW);
    assert.equal(stream.take(message(4, { id: 'new' })), null, 'published after the request');
    const { batch } = stream.takeHistory(history(1, 3, 'e2'), NOW);
    assert.deepEqual([seqs(batch), stream.held.size], [[1, 2, 3, 4], 0]);
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
        older: null,
    });
    assert.equal(view.unread, 2);
    view.take({
        stream: 'r',
        kind: 'live',
        epoch: 'e1',
        messages: messages.slice(4),
        gap: null,
        older: null,
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
        older: null,
    });
    view.take({
        stream: 'r',
        kind: 'resumed',
        epoch: 'e1',
        messages: range(8, 9),
        gap: { missed: 5 },
        older: null,
    });
    assert.deepEqual(
        view.items.map((item) => (item.kind === 'gap' ? `gap ${item.missed}` : item.message.seq)),
        [1, 2, 'gap 5', 8, 9],
    );
});

const page = (from, to, extra = {}) => ({
    stream: 'r',
    epoch: 'e1',
    messages: from ? range(from, to) : [],
    older: null,
    newer: null,
    missing: 0,
    ...extra,
});
/** Numbers, and how many are missing as negative ones. */
const shape = ({ items }) =>
    items.map((item) => (item.kind === 'message' ? item.message.seq : -item.count));

test('older pages go in front, across epochs, none twice', () => {
    const run = new Run();
    run.append('e2', range(1, 3));
    run.older = { epoch: 'e2', before: 1 };
    run.prependPage(page(0, 0, { epoch: 'e2', older: { epoch: 'e1', before: 9 } }), 1);
    assert.deepEqual(run.older, { epoch: 'e1', before: 9 });
    const before = range(7, 8).map((m) => ({ ...m, id: `old${m.seq}` }));
    run.prependPage(page(0, 0, { messages: [...before, message(2)] }), 9);
    assert.deepEqual(shape(run), [7, 8, 1, 2, 3]);
    assert.equal(run.older, null);
});

test('what is missing has a line where it is missing', () => {
    const run = new Run();
    run.append('e1', range(50, 51));
    run.prependPage(page(0, 0, { messages: [...range(10, 12), ...range(20, 21)], missing: 35 }), 50);
    assert.deepEqual(shape(run), [10, 11, 12, -7, 20, 21, -28, 50, 51]);
    const forth = new Run();
    forth.appendPage(page(0, 0, { messages: [...range(5, 6), ...range(9, 10)], missing: 3 }), 3);
    assert.deepEqual(shape(forth), [-1, 5, 6, -2, 9, 10]);
    const whole = new Run();
    whole.appendPage(page(0, 0, { messages: [...range(5, 6), ...range(9, 10)] }), 3);
    assert.deepEqual(shape(whole), [5, 6, 9, 10], 'numbers that were never given out are no hole');
});

test('an earlier place grows until it reaches the newest messages', () => {
    const view = new StreamView('r', 'alice', undefined);
    const fresh = { stream: 'r', kind: 'fresh', epoch: 'e1', gap: null };
    view.take({ ...fresh, messages: range(100, 120), older: { epoch: 'e1', before: 100 } });
    const past = new Run();
    past.appendPage(page(40, 60, { newer: { epoch: 'e1', after: 60 } }), 39);
    past.older = { epoch: 'e1', before: 40 };
    view.past = past;
    view.attach();
    assert.equal(view.shown, past);
    view.take({ ...fresh, kind: 'live', messages: [message(121)], older: null });
    assert.equal(shape(past).at(-1), 60, 'what is new goes to the newest');
    past.appendPage(page(61, 105, { newer: { epoch: 'e1', after: 105 } }), 60);
    view.attach();
    assert.equal(view.past, null);
    assert.deepEqual(
        shape(view.shown),
        range(40, 121).map(({ seq }) => seq),
    );
    assert.deepEqual(view.shown.older, { epoch: 'e1', before: 40 });
});
