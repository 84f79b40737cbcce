/**
 * What a room is and who may do what in it. Everybody sees it; owner and moderators change it
 * here. The server decides, and the sheet shows what it answers.
 */
import { avatar, byId, keyed, make } from '../dom.js';
import { moderates } from '../events.js';
import { isName } from '../names.js';
import { strings } from '../strings.js';
import { copyByHand } from './actions.js';
import { Sheet } from './sheet.js';

/** @typedef {import('../store.js').Store} Store */

/** @typedef {{user: string, kind: string, by: string, until: number, reason: string}} Sanction */
/** @typedef {{code: string, uses: number, until: number, by: string}} Invitation */

/**
 * @typedef {object} RoomInfo  the answer to `info`
 * @property {string} access
 * @property {boolean} read_only
 * @property {number} slow_ms
 * @property {string} topic
 * @property {string} [owner]
 * @property {string} [role]
 * @property {Record<string, string>} [members]
 * @property {number} count
 * @property {Sanction[]} [sanctions]
 * @property {Invitation[]} [invitations]
 */

const SLOW = [0, 5, 30, 60, 300]; // seconds; another one that is set is added
const PEOPLE_MS = 500; // somebody came or went: look again after so long
const RANKS = ['owner', 'moderator', 'member', 'none'];
const NOBODYS = ['not_found', 'unknown_type']; // a room without an owner has nothing to tell

/** @param {string} id @returns {any} */
const field = (id) => byId(id);

export class RoomSheet {
    /**
     * @param {Store} store @param {(text: string) => void} toast
     * @param {(room: string) => void} own  the user wants to own this room
     */
    constructor(store, toast, own) {
        this.store = store;
        this.toast = toast;
        this.sheet = new Sheet('room', () => (this.room = ''));
        this.room = '';
        /** @type {RoomInfo|null} */
        this.info = null;
        this.turn = 0;
        /** @type {ReturnType<typeof setTimeout>|undefined} */
        this.timer = undefined;
        byId('open-room').onclick = () => this.open();
        byId('room-own').onclick = () => {
            const { room } = this;
            this.sheet.close();
            own(room);
        };
        this.#forms();
    }

    /** @param {Set<import('../store.js').Topic>} topics */
    update(topics) {
        if (!this.sheet.isOpen) return;
        if (topics.has('active') && this.store.active !== this.room) this.sheet.close();
        else if (topics.has('guard')) void this.#load();
        // Who comes in by an invitation is on the list since then, and makes no act.
        else if (topics.has('people')) this.timer ??= setTimeout(() => void this.#load(), PEOPLE_MS);
    }

    stop() {
        this.sheet.close();
        this.info = null;
    }

    open() {
        const view = this.store.current;
        if (!view || view.isPrivate) return;
        this.room = view.name;
        this.info = null;
        byId('room-title').textContent = view.title;
        byId('invite-result').hidden = true;
        for (const id of ['room-error', 'room-note', 'invite-note']) byId(id).textContent = '';
        for (const id of ['room-end-part']) field(id).open = false;
        this.#show();
        this.sheet.open();
        void this.#load();
    }

    async #load() {
        clearTimeout(this.timer);
        this.timer = undefined;
        if (!this.room) return;
        const turn = ++this.turn;
        try {
            const answer = await this.store.client.room(this.room, 'info');
            if (turn !== this.turn) return;
            this.info = /** @type {RoomInfo} */ (/** @type {unknown} */ (answer));
        } catch (error) {
            if (turn !== this.turn) return;
            const { code } = /** @type {import('../asks.js').Unanswered} */ (error);
            this.info = null;
            if (!NOBODYS.includes(code) || this.store.current?.guard) this.#failed(error);
        }
        this.#show();
    }

    /**
     * @param {string} act @param {Record<string, unknown>} [fields]
     * @returns {Promise<any>} the answer; null when it was refused
     */
    async #act(act, fields) {
        byId('room-error').textContent = '';
        byId('room-note').textContent = '';
        try {
            return await this.store.client.room(this.room, act, fields);
        } catch (error) {
            this.#failed(error);
            return null;
        } finally {
            void this.#load(); // fields that were refused show again what holds
        }
    }

    /** @param {unknown} error */
    #failed(error) {
        const { code, message, retryAfterMs } = /** @type {import('../asks.js').Unanswered} */ (
            error
        );
        byId('room-error').textContent = strings.error(code, message, retryAfterMs);
        byId('room-error').scrollIntoView({ block: 'nearest' });
    }

    #forms() {
        const submit = (/** @type {string} */ id, /** @type {() => unknown} */ run) => {
            byId(id).onsubmit = (event) => {
                event.preventDefault();
                void run();
            };
        };
        submit('room-topic-form', () => this.#act('topic', { topic: field('room-topic').value.trim() }));
        field('room-access').onchange = () =>
            this.#act('access', { access: field('room-access').value });
        field('room-read-only').onchange = () =>
            this.#act('read_only', { on: field('room-read-only').value === 'true' });
        field('room-slow').onchange = () =>
            this.#act('slow', { seconds: Number(field('room-slow').value) });
        submit('invite-form', () => this.#invite());
        submit('member-form', () => this.#addMember());
        byId('invite-copy').onclick = () => this.#copyLink();
        byId('room-end').onclick = async () => {
            const { room } = this;
            if (await this.#act('destroy')) this.toast(strings.roomEnded(room));
            this.sheet.close();
        };
    }

    async #addMember() {
        const user = field('member-name').value.trim().replace(/^@/, '').normalize('NFC');
        if (!isName(user)) return void (byId('room-error').textContent = strings.error('bad_name'));
        if (await this.#act('role', { user, role: 'member' })) field('member-name').value = '';
    }

    async #invite() {
        const uses = Number(field('invite-uses').value);
        const seconds = Number(field('invite-seconds').value);
        const answer = await this.#act('invite', { uses, seconds });
        if (!answer) return;
        // The room is named in it, so that whoever follows it need not ask where it leads.
        const url = new URL(answer.url ?? `/#invite=${answer.code}`, location.href);
        field('invite-link').value = `${url.href}&room=${encodeURIComponent(this.room)}`;
        byId('invite-result').hidden = false;
        byId('invite-copy').textContent = canShare() ? strings.share : strings.copy;
        byId('invite-note').textContent = strings.inviteNote;
        field('invite-link').focus();
        field('invite-link').select();
    }

    async #copyLink() {
        const url = field('invite-link').value;
        field('invite-link').select();
        try {
            if (canShare()) return await navigator.share({ url });
            if (navigator.clipboard) await navigator.clipboard.writeText(url);
            else if (!copyByHand(url)) throw new Error('no clipboard');
            field('invite-link').focus();
            byId('invite-note').textContent = strings.copied;
        } catch {
            byId('invite-note').textContent = strings.copyByHand;
        }
    }

    #show() {
        const { info } = this;
        const guard = this.store.current?.guard ?? null;
        const role = info?.role ?? guard?.role ?? 'none';
        const isMod = Boolean(info) && moderates({ role });
        const isOwner = Boolean(info) && role === 'owner';
        const isNobodys = !info && !guard;
        byId('room-kind').textContent = info ? strings.roomKind(info) : strings.nobodysRoom(!isNobodys);
        byId('room-own').hidden = !isNobodys || !this.store.isAccount;
        byId('room-topic-part').hidden = !info || (!isMod && !info.topic);
        byId('room-topic-text').textContent = info?.topic || strings.noTopic;
        byId('room-topic-text').hidden = isMod;
        byId('room-topic-form').hidden = !isMod;
        byId('room-rules').hidden = !isMod;
        for (const id of ['room-access', 'room-read-only']) field(id).disabled = !isOwner;
        byId('room-invite-part').hidden = !isMod;
        byId('room-members-part').hidden = !info;
        byId('member-form').hidden = !isOwner;
        byId('room-sanctions-part').hidden = !info?.sanctions?.length;
        byId('room-end-part').hidden = !isOwner;
        if (!info) return;
        if (document.activeElement !== byId('room-topic')) field('room-topic').value = info.topic;
        field('room-access').value = info.access;
        field('room-read-only').value = String(info.read_only);
        this.#slow(info.slow_ms / 1000);
        this.#members(info, isOwner);
        this.#invitations(info.invitations ?? []);
        this.#sanctions(info.sanctions ?? []);
    }

    /** @param {number} seconds */
    #slow(seconds) {
        const choices = [...new Set([...SLOW, seconds])].sort((a, b) => a - b);
        const options = choices.map((n) => make('option', { value: n }, strings.slowChoice(n)));
        byId('room-slow').replaceChildren(...options);
        field('room-slow').value = String(seconds);
    }

    /** @param {RoomInfo} info @param {boolean} isOwner */
    #members({ members, count }, isOwner) {
        byId('room-members-title').textContent = strings.onTheList(count);
        const rows = Object.entries(members ?? {}).sort(
            ([a, x], [b, y]) => RANKS.indexOf(x) - RANKS.indexOf(y) || a.localeCompare(b),
        );
        keyed(
            byId('room-members'),
            rows,
            ([name, role]) => `${name} ${role} ${isOwner}`,
            ([name, role]) => this.#member(name, role, isOwner),
            () => {},
        );
    }

    /** @param {string} name @param {string} role @param {boolean} isOwner */
    #member(name, role, isOwner) {
        const label = make('bdi', { class: 'grow' }, name);
        if (!isOwner || role === 'owner') {
            const text = make('span', { class: 'soft' }, strings.roles[role] ?? role);
            return make('li', {}, avatar(name), label, text);
        }
        const select = make('select', { 'aria-label': strings.roleOf(name) });
        for (const one of [...RANKS].reverse())
            select.append(make('option', { value: one, selected: one === role }, strings.roles[one]));
        const item = make('li', {}, avatar(name), label, select);
        select.onchange = () => {
            if (select.value !== 'owner')
                return void this.#act('role', { user: name, role: select.value });
            const give = make('button', { type: 'button', class: 'link red' }, strings.giveAway(name));
            give.onclick = () => void this.#act('role', { user: name, role: 'owner' });
            item.append(give);
            give.focus();
        };
        return item;
    }

    /** @param {Invitation[]} invitations */
    #invitations(invitations) {
        keyed(
            byId('invitations'),
            invitations,
            ({ code, uses }) => `${code} ${uses}`,
            ({ code, uses, until, by }) => {
                const end = make('button', { type: 'button', class: 'link' }, strings.endInvitation);
                end.onclick = () => void this.#act('uninvite', { code });
                const text = strings.invitation(uses, until - Date.now(), by);
                return make('li', {}, make('span', { class: 'grow soft' }, text), end);
            },
            () => {},
        );
    }

    /** @param {Sanction[]} sanctions */
    #sanctions(sanctions) {
        keyed(
            byId('room-sanctions'),
            sanctions,
            ({ user, kind, until }) => `${user} ${kind} ${until}`,
            ({ user, kind, until, reason }) => {
                const lift = make('button', { type: 'button', class: 'link' }, strings.lift);
                lift.setAttribute('aria-label', strings.liftOf(user));
                lift.onclick = () => void this.#act(kind === 'mute' ? 'unmute' : 'unban', { user });
                const left = until ? until - Date.now() : 0;
                const text = make(
                    'span',
                    { class: 'grow two' },
                    make('bdi', {}, user),
                    make('span', { class: 'soft' }, strings.sanctioned(kind, left, reason)),
                );
                return make('li', {}, text, lift);
            },
            () => {},
        );
    }
}

/** @returns {boolean} phones share; elsewhere a link is copied */
function canShare() {
    return matchMedia('(hover: none)').matches && typeof navigator.share === 'function';
}
