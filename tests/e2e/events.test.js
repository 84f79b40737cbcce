/** What events do to messages and rooms, without a server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
    guardAfter,
    guardTold,
    isMark,
    isSaid,
    present,
    refusal,
} from '../../public/js/events.js';
import { Receipts } from '../../public/js/receipts.js';
import { Run } from '../../public/js/run.js';
import { StreamView } from '../../public/js/stream-view.js';
import { begun, fitting } from '../../public/js/views/completion.js';
import { clock, message, Script } from './support/script.js';

let made = 0;
const said = (seq, extra = {}) => message('r', seq, extra);
const event = (kind, seq, target, extra = {}) =>
    said(seq, { id: `e${++made}`, kind, target, target_id: `i${target}`, ...extra });
const edit = (seq, target, content) => event('edit', seq, target, { content });
const remove = (seq, target) => event('delete', seq, target, { content: '(deleted a message)' });
const react = (seq, target, user, emoji, extra) =>
    event('react', seq, target, { user, emoji, content: emoji, ...extra });
const act = (name, extra = {}) => ({ ...said(9), kind: 'room', act: name, user: 'olga', ...extra });

/** All orders of a few things. */
function orders(list) {
    if (list.length < 2) return [list];
    return list.flatMap((one, i) =>
        orders([...list.slice(0, i), ...list.slice(i + 1)]).map((rest) => [one, ...rest]),
    );
}

const plain = ({ content, edited, deleted, reactions }) => ({
    content,
    edited,
    deleted,
    reactions: Object.fromEntries(reactions),
});

test('events in any order, however often, give the same message', () => {
    const events = [
        edit(3, 1, 'better'),
        edit(5, 1, 'best'),
        react(4, 1, 'carl', '👍'),
        react(6, 1, 'carl', '👍', { remove: true }),
        react(7, 1, 'dora', '👍'),
    ];
    for (const order of orders(events))
        assert.deepEqual(plain(present(said(1), [...order, ...order])), {
            content: 'best',
            edited: 5,
            deleted: 0,
            reactions: { '👍': ['dora'] },
        });
});

test('what was deleted stays deleted, has no text, no mark of an edit and no reactions', () => {
    const events = [edit(3, 1, 'x'), remove(4, 1), edit(5, 1, 'y'), react(6, 1, 'carl', '👍')];
    for (const order of orders(events))
        assert.deepEqual(plain(present(said(1, { mentions: ['alice'] }), order)), {
            content: '',
            edited: 0,
            deleted: 4,
            reactions: {},
        });
    assert.ok(present(said(1, { deleted: true, content: '' }), []).deleted);
});

test('an edit that is known already, or was replaced, changes nothing', () => {
    const given = said(1, { content: 'new', edited: 8 });
    assert.equal(present(given, [edit(7, 1, 'old')]).content, 'new');
    assert.equal(present(given, [edit(9, 1, '')]).content, 'new');
});

test('reactions of a page from the archive are not taken back by events before it', () => {
    const given = said(1, { reactions: { '👍': ['bob'] } });
    const before = react(5, 1, 'bob', '👍', { remove: true });
    assert.deepEqual([...present(given, [before], 10).reactions.keys()], ['👍']);
    assert.deepEqual([...present(given, [before], 0).reactions.keys()], []);
    const after = react(11, 1, 'carl', '👍');
    assert.deepEqual(present(given, [before, after], 10).reactions.get('👍'), ['bob', 'carl']);
    const odd = react(2, 1, 'bob', '__proto__');
    assert.deepEqual([...present(said(1), [odd]).reactions], [['__proto__', ['bob']]]);
});

test('events are no rows, and acts are not said by anybody', () => {
    assert.deepEqual([isMark(edit(2, 1, 'x')), isSaid(edit(2, 1, 'x'))], [true, false]);
    assert.deepEqual([isMark(act('topic')), isSaid(act('topic'))], [false, false]);
    const unknown = said(3, { kind: 'poll', content: 'for people' });
    assert.deepEqual([isMark(unknown), isSaid(unknown)], [false, true], 'shown by its content');
});

const batch = (messages, extra = {}) => ({
    stream: 'r',
    kind: 'live',
    epoch: 'e1',
    messages,
    gap: null,
    older: null,
    ...extra,
});
const texts = (run) => run.items.map(({ message }) => message.content);

test('a place shows what events have made of its messages', () => {
    const view = new StreamView('r', 'alice', undefined);
    const older = { epoch: 'e1', before: 10 };
    view.take(batch([said(10), said(11), edit(12, 10, 'ten'), edit(13, 5, 'five')], { kind: 'fresh', older }));
    assert.deepEqual(texts(view.live), ['ten', 'n11']);
    assert.equal(view.top, 13, 'an event has a number, too');
    const { added, changed } = view.take(batch([said(14), remove(15, 11)]));
    assert.equal(added, 1);
    assert.deepEqual(changed.map(({ given }) => given.id), ['i11']);
    view.live.prependPage({ epoch: 'e1', messages: [said(5), said(6)], older: null, missing: 0 }, 10);
    assert.deepEqual(texts(view.live), ['five', 'n6', 'ten', '', 'n14'], 'an event came before it');
    assert.deepEqual(view.take(batch([remove(15, 11)])).changed.length, 1);
    assert.deepEqual(texts(view.live), ['five', 'n6', 'ten', '', 'n14']);
});

test('an earlier place hears of events, and keeps them when it reaches the newest messages', () => {
    const view = new StreamView('r', 'alice', undefined);
    view.take(batch([said(100), said(101)], { kind: 'fresh', older: { epoch: 'e1', before: 100 } }));
    const past = new Run();
    past.appendPage(
        { epoch: 'e1', messages: [said(40), said(41)], older: null, newer: { epoch: 'e1', after: 41 }, missing: 0 },
        39,
        view.top,
    );
    view.past = past;
    const { changed } = view.take(batch([react(102, 40, 'bob', '👍')]));
    assert.equal(changed.length, 1);
    past.appendPage({ epoch: 'e1', messages: [said(99), said(100)], older: null, newer: null, missing: 0 }, 41, view.top);
    view.attach();
    assert.equal(view.past, null);
    assert.deepEqual([...view.find('i40').message.reactions.keys()], ['👍']);
    assert.deepEqual(texts(view.live), ['n40', 'n41', 'n99', 'n100', 'n101']);
});

test('rows that were scrolled away far are let go of, and a page brings them back', () => {
    const view = new StreamView('r', 'alice', undefined);
    const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => said(from + i));
    view.take(batch(range(19_901, 20_000), { kind: 'fresh', older: { epoch: 'e1', before: 19_901 } }));
    for (let top = 19_900; top > 1000; top -= 50) {
        const older = { epoch: 'e1', before: top - 49 };
        view.shown.prependPage({ epoch: 'e1', messages: range(top - 49, top), older, missing: 0 }, top + 1);
        view.letGo('older');
        assert.ok(view.shown.items.length <= 12_000);
    }
    assert.notEqual(view.shown, view.live);
    assert.equal(view.live.items.length, 100);
    assert.equal(view.shown.items[0].given.seq, 1001);
    while (view.past) {
        const { after } = view.past.newer;
        const newer = { epoch: 'e1', after: after + 50 };
        view.past.appendPage({ epoch: 'e1', messages: range(after + 1, after + 50), newer, missing: 0 }, after, view.top);
        view.letGo('newer');
        view.attach();
    }
    const seqs = view.live.items.map(({ given }) => given.seq);
    assert.deepEqual(seqs, seqs.map((_, i) => 20_001 - seqs.length + i), 'without a hole, up to the newest');
    assert.equal(view.live.older.before, seqs[0]);
});

test('unread: neither events nor what was deleted, and what the server has told', () => {
    const view = new StreamView('@bob', 'alice', undefined);
    view.learn({ with: 'bob', epoch: 'e1', seq: 300, received: 300, read: 10, seen: 0, delivered: 0, unread: 290 });
    assert.equal(view.unread, 290);
    const older = { epoch: 'e1', before: 298 };
    const some = [said(298), said(299), said(300), react(301, 298, 'bob', '👍')];
    view.take(batch(some, { stream: '@bob', kind: 'fresh', older }));
    assert.equal(view.unread, 290, 'more than is here');
    view.raiseMark(298);
    assert.equal(view.unread, 2);
    view.take(batch([remove(302, 300)], { stream: '@bob' }));
    assert.equal(view.unread, 1);
    view.raiseMark(view.top);
    assert.equal(view.unread, 0);
});

test('ticks: stored, delivered, read', () => {
    const view = new StreamView('@bob', 'alice', undefined);
    const told = { with: 'bob', epoch: 'e1', seq: 9, received: 9, read: 9, unread: 0 };
    view.learn({ ...told, seen: 4, delivered: 7 });
    assert.deepEqual([4, 7, 9].map((seq) => view.tick(seq).state), ['read', 'delivered', 'stored']);
    view.learn({ ...told, seen: 2, delivered: 5 });
    assert.deepEqual([4, 7, 9].map((seq) => view.tick(seq).state), ['read', 'delivered', 'stored'], 'they only rise');
});

test('acts on a room change what one may do', () => {
    let guard = guardAfter(null, act('create', { access: 'private', topic: 'tea' }), 'olga');
    assert.deepEqual([guard.role, guard.access, guard.topic], ['owner', 'private', 'tea']);
    guard = guardAfter(null, act('create'), 'alice');
    assert.equal(guard.role, 'none');
    guard = guardAfter(guard, act('read_only', { on: true }), 'alice');
    assert.deepEqual(refusal(guard, 0), { code: 'read_only', until: 0 });
    guard = guardAfter(guard, act('role', { who: 'alice', role: 'moderator' }), 'alice');
    assert.equal(refusal(guard, 0).code, '');
    guard = guardAfter(guard, act('role', { who: 'alice', role: 'member' }), 'alice');
    guard = guardAfter(guard, act('read_only', { on: false }), 'alice');
    guard = guardAfter(guard, act('mute', { who: 'alice', until: 5000 }), 'alice');
    assert.deepEqual(refusal(guard, 4999), { code: 'muted', until: 5000 });
    assert.equal(refusal(guard, 5000).code, '');
    guard = guardAfter(guard, act('mute', { who: 'alice', until: 0 }), 'alice');
    assert.deepEqual(refusal(guard, 1e15), { code: 'muted', until: 0 }, 'for ever');
    guard = guardAfter(guard, act('unmute', { who: 'alice' }), 'alice');
    assert.equal(refusal(guard, 0).code, '');
    assert.equal(guardAfter(guard, act('slow', { seconds: 30 }), 'alice').slow_ms, 30_000);
    assert.equal(guardAfter(guard, act('destroy'), 'alice'), null);
    const owner = guardAfter(null, act('create'), 'olga');
    assert.equal(guardAfter(owner, act('role', { who: 'alice', role: 'owner' }), 'olga').role, 'moderator');
});

test('a guard that is told in part keeps the rest', () => {
    const own = guardTold(null, { access: 'public', read_only: true, slow_ms: 0, role: 'member', topic: 'tea', muted_until: 0 });
    assert.equal(own.muted_until, Infinity);
    const again = guardTold(own, { access: 'private', read_only: false, slow_ms: 5 });
    assert.deepEqual(again, { ...own, access: 'private', read_only: false, slow_ms: 5 });
    assert.equal(guardTold(own, undefined), null);
});

test('names are completed where a mention may begin', () => {
    assert.equal(begun('hello @al'), 'al');
    assert.equal(begun('@'), '');
    assert.equal(begun('(@b'), 'b');
    assert.equal(begun('mail me a@b'), null);
    assert.equal(begun('@bob '), null);
    const names = ['Bob', 'bella', 'alice', 'Boris', 'b1', 'b2', 'b3'];
    assert.deepEqual(fitting(names, 'bo'), ['Bob', 'Boris']);
    assert.equal(fitting(names, 'b').length, 5);
    assert.deepEqual(fitting(names, 'Bob'), [], 'there is nothing to complete');
});

test('received is gathered, said once, and only to a server that wants it', (t) => {
    const pass = clock(t);
    const sent = [];
    const receipts = new Receipts((frame) => sent.push(frame) > 0);
    receipts.note({ to: 'bob' }, 'e1', 3);
    pass(1000);
    assert.deepEqual(sent, []);
    receipts.wanted = true;
    for (let seq = 4; seq <= 9; seq++) receipts.note({ to: 'bob' }, 'e1', seq);
    receipts.note({ mentions: true }, 'e2', 1);
    assert.deepEqual(sent, []);
    pass(250);
    assert.deepEqual(sent, [
        { type: 'received', to: 'bob', epoch: 'e1', seq: 9 },
        { type: 'received', mentions: true, epoch: 'e2', seq: 1 },
    ]);
    receipts.note({ to: 'bob' }, 'e1', 9);
    pass(1000);
    assert.equal(sent.length, 2);
    receipts.note({ to: 'bob' }, 'e1', 109, true);
    assert.equal(sent.length, 3, 'a page: the next one comes only then');
});

const direct = (seq, extra) => message('@bob', seq, extra);
const conversation = (seq, received) => ({
    with: 'bob',
    epoch: 'e1',
    seq,
    received,
    read: received,
    seen: 0,
    delivered: 0,
    unread: seq - received,
});
const page = (from, to) => ({
    type: 'history',
    to: 'bob',
    epoch: 'e1',
    away: true,
    messages: Array.from({ length: to - from + 1 }, (_, i) => direct(from + i)),
});

async function account(t) {
    const script = new Script(t, { token: async () => 'token' });
    script.client.connect('alice');
    script.accept();
    await null;
    const [hello] = script.took('hello');
    assert.deepEqual(hello.caps, ['away']);
    script.says({ type: 'welcome', user: 'alice', heartbeat_ms: 25_000, private: {} });
    return script;
}

test('what came while one was away comes page by page, each told as received', async (t) => {
    const script = await account(t);
    script.says({ type: 'conversations', list: [conversation(5, 0)], rooms: { tea: 3 } });
    assert.deepEqual(script.took('join').map(({ room }) => room), ['tea']);
    script.client.openPrivate('bob');
    assert.deepEqual(script.took('history'), [], 'it comes by itself');
    script.says(page(1, 3));
    assert.deepEqual(script.took('received'), [{ type: 'received', to: 'bob', epoch: 'e1', seq: 3 }]);
    script.says(page(4, 5));
    assert.deepEqual(script.took('received').map(({ seq }) => seq), [5]);
    script.says(direct(6));
    script.assertShown('n1', 'n2', 'n3', 'n4', 'n5', 'n6');
    assert.deepEqual(script.gaps(), []);
    assert.ok(script.client.streams.get('@bob').settled);
});

test('a page that comes again is not shown again', async (t) => {
    const script = await account(t);
    script.says({ type: 'conversations', list: [conversation(3, 0)], rooms: {} });
    script.says(page(1, 3), page(1, 3), direct(4));
    script.assertShown('n1', 'n2', 'n3', 'n4');
});

test('mentions are given once, and told as received', async (t) => {
    const script = await account(t);
    const seen = [];
    script.client.on('mention', ({ seq, room }) => seen.push([seq, room]));
    const mention = (seq) => ({ type: 'mention', epoch: 'm1', seq, room: 'tea', message: seq, id: 'x', user: 'bob', timestamp: 1 });
    script.says({ type: 'conversations', list: [], rooms: {}, mentions: { epoch: 'm1', seq: 2, received: 0, read: 0, unread: 2 } });
    script.says({ type: 'history', mentions: true, away: true, epoch: 'm1', messages: [mention(1), mention(2)] });
    script.says(mention(2), mention(3));
    assert.deepEqual(seen.map(([seq]) => seq), [1, 2, 3]);
    script.client.flush();
    assert.deepEqual(script.took('received').at(-1), { type: 'received', mentions: true, epoch: 'm1', seq: 3 });
});

test('a server without all this hears nothing of it', (t) => {
    const script = new Script(t).enter('r', 3);
    script.says(...[{ type: 'history', to: 'bob', epoch: 'e1', messages: [direct(1)] }]);
    script.client.openPrivate('bob');
    script.says({ type: 'history', to: 'bob', epoch: 'e1', messages: [direct(1)] });
    script.client.flush();
    assert.deepEqual(script.took('received'), []);
});

test('an event is given as a message although it has the cid of its request', async (t) => {
    const script = new Script(t).enter('r', 1);
    const done = script.client.edit('r', { seq: 1, id: 'i1' }, 'better');
    const [{ type, cid, ...frame }] = script.socket.sent;
    assert.deepEqual([type, frame], ['edit', { room: 'r', seq: 1, id: 'i1', content: 'better' }]);
    script.says({ ...edit(2, 1, 'better'), cid, user: 'alice' });
    script.says({ type: 'ack', cid, room: 'r', seq: 2 });
    assert.equal((await done).seq, 2);
    assert.equal(script.batches.at(-1).messages[0].kind, 'edit');
    const refused = script.client.remove('r', { seq: 1 });
    const request = script.took('delete')[0];
    script.says({ type: 'error', code: 'muted', message: 'no', retry_after_ms: 5000, cid: request.cid });
    await assert.rejects(refused, { code: 'muted', retryAfterMs: 5000 });
});

test('who is taken out of a room hears why, and does not come back by itself', (t) => {
    const script = new Script(t).enter('r', 1);
    const left = [];
    script.client.on('left', (what) => left.push(what));
    script.client.sendMessage('r', 'not sent any more');
    script.says({ type: 'left', room: 'r', reason: 'banned', until: 99 });
    assert.deepEqual(left, [{ stream: 'r', reason: 'banned', until: 99 }]);
    assert.equal(script.client.outbox.entries.length, 0);
    script.ends();
    script.client.wake();
    script.accept().says({ type: 'welcome', user: 'alice', heartbeat_ms: 25_000, private: {} });
    assert.deepEqual(script.took('join'), []);
});

test('slow mode holds up its room alone', (t) => {
    const pass = clock(t);
    const script = new Script(t).enter('r', 1);
    script.client.join('s');
    script.says(
        { type: 'joined', room: 's', epoch: 'e2', seq: 0, recovered: false, count: 1 },
        { type: 'history', room: 's', epoch: 'e2', messages: [] },
    );
    script.client.sendMessage('r', 'slow');
    const [{ cid }] = script.took('message');
    script.says({ type: 'error', code: 'slow_mode', temporary: true, retry_after_ms: 5_000, cid });
    script.client.sendMessage('s', 'free');
    assert.deepEqual(script.took('message').map(({ content }) => content), ['free']);
    pass(5_000);
    assert.deepEqual(script.took('message').map(({ content }) => content), ['slow']);
});

test('an invitation goes with the join, until the room is joined', (t) => {
    const script = new Script(t).enter('', 0);
    script.client.join('club', { invite: 'c0de' });
    assert.equal(script.took('join')[0].invite, 'c0de');
    script.says(
        { type: 'joined', room: 'club', epoch: 'e2', seq: 0, recovered: false, count: 1 },
        { type: 'history', room: 'club', epoch: 'e2', messages: [] },
    );
    script.ends();
    script.client.wake();
    script.accept().says({ type: 'welcome', user: 'alice', heartbeat_ms: 25_000, private: {} });
    for (const { invite } of script.took('join')) assert.equal(invite, undefined);
});
