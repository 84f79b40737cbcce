/**
 * What may be done with a message: a sheet that opens by a long press, a right click, or the
 * button beside the message. It offers what is likely to be allowed; the server decides.
 */
import { byId, icon, iconButton, make } from '../dom.js';
import { isSaid, moderates, refusal } from '../events.js';
import { strings } from '../strings.js';
import { Sheet } from './sheet.js';

/** @typedef {import('../store.js').Store} Store */
/** @typedef {import('../run.js').MessageItem} MessageItem */
/** @typedef {{icon: string, text: string, run: () => unknown, danger?: boolean}} Choice */

const EMOJI = ['👍', '❤️', '😂', '🎉', '😮', '🙏'];
const PRESS_MS = 500;
const MOVE_PX = 10; // further is scrolling
const QUOTE_CHARS = 140;
/** Seconds of a mute or ban; 0: for ever. */
const DURATIONS = [600, 3_600, 86_400, 0];

export class ActionsView {
    /**
     * @param {Store} store @param {(text: string) => void} toast
     * @param {import('./emoji-picker.js').EmojiPicker} picker
     */
    constructor(store, toast, picker) {
        this.store = store;
        this.toast = toast;
        this.picker = picker;
        this.sheet = new Sheet('actions', () => byId('actions-quote').replaceChildren());
        this.list = byId('messages');
        /** @type {MessageItem|undefined} */
        this.item = undefined;
        /** @type {ReturnType<typeof setTimeout>|undefined} */
        this.press = undefined;
        this.pressedAt = { x: 0, y: 0 };
        this.list.onpointerdown = (event) => this.#pressed(event);
        this.list.onpointermove = (event) => this.#moved(event);
        this.list.onpointerup = this.list.onpointercancel = () => clearTimeout(this.press);
        this.list.oncontextmenu = (event) => this.#menu(event);
    }

    /** @param {Set<import('../store.js').Topic>} topics */
    update(topics) {
        if (topics.has('active')) this.sheet.close();
    }

    stop() {
        clearTimeout(this.press);
        this.sheet.close();
    }

    /** @param {MessageItem} item */
    open(item) {
        const { user, content, deleted } = item.message;
        if (deleted || !isSaid(item.message)) return;
        this.item = item;
        byId('actions-title').textContent = user;
        byId('actions-quote').textContent =
            content.length > QUOTE_CHARS ? `${content.slice(0, QUOTE_CHARS)}…` : content;
        byId('emoji').hidden = false;
        this.#emoji(item);
        this.#reacted(item);
        this.#choices(this.#first(item));
        this.sheet.open();
    }

    /** @param {MessageItem} item @param {string} emoji Adds it, or takes it back. */
    async react(item, emoji) {
        const users = item.message.reactions.get(emoji) ?? [];
        const remove = users.includes(this.store.me);
        await this.#try(() => this.store.client.react(this.store.active, target(item), emoji, { remove }));
    }

    /** @param {PointerEvent} event */
    #pressed(event) {
        clearTimeout(this.press);
        if (event.pointerType === 'mouse') return;
        const item = this.#at(event);
        if (!item) return;
        this.pressedAt = { x: event.clientX, y: event.clientY };
        this.press = setTimeout(() => {
            const swallow = (/** @type {Event} */ click) => {
                click.preventDefault();
                click.stopPropagation();
            };
            // The finger that goes up must not press what lies under it.
            addEventListener('click', swallow, { capture: true, once: true });
            addEventListener(
                'pointerdown',
                () => removeEventListener('click', swallow, { capture: true }),
                { capture: true, once: true },
            );
            this.open(item);
        }, PRESS_MS);
    }

    /** @param {PointerEvent} event */
    #moved({ clientX, clientY }) {
        const { x, y } = this.pressedAt;
        if (Math.hypot(clientX - x, clientY - y) > MOVE_PX) clearTimeout(this.press);
    }

    /** @param {MouseEvent} event */
    #menu(event) {
        const isText = String(getSelection() ?? '') !== '';
        const element = /** @type {Element} */ (event.target);
        const item = this.#at(event);
        if (!item || isText || element.closest('a')) return; // what the browser offers there
        event.preventDefault();
        clearTimeout(this.press);
        this.open(item);
    }

    /** @param {Event} event @returns {MessageItem|undefined} */
    #at(event) {
        const row = /** @type {Element} */ (event.target).closest('.message');
        const { id } = /** @type {HTMLElement|null} */ (row)?.dataset ?? {};
        return id ? this.store.current?.find(id) : undefined;
    }

    /** @param {MessageItem} item */
    #emoji(item) {
        const { reactions } = item.message;
        const buttons = EMOJI.map((emoji) => {
            const isMine = (reactions.get(emoji) ?? []).includes(this.store.me);
            const label = strings.reactWith(emoji);
            const button = make(
                'button',
                { type: 'button', class: 'emoji', 'aria-pressed': String(isMine), 'aria-label': label },
                emoji,
            );
            button.onclick = () => this.#reactWith(emoji);
            return button;
        });
        const other = iconButton('plus', strings.otherEmoji, 'emoji other');
        other.onclick = () => {
            this.sheet.close();
            this.picker.open((emoji) => this.#reactWith(emoji));
        };
        byId('emoji').replaceChildren(...buttons, other);
    }

    /** @param {MessageItem} item Who has reacted. */
    #reacted(item) {
        const lines = [...item.message.reactions].map(([emoji, users]) =>
            make(
                'li',
                {},
                make('span', { class: 'emoji' }, emoji),
                make('bdi', {}, users.join(', ')),
            ),
        );
        byId('reacted').replaceChildren(...lines);
    }

    /** @param {string} emoji */
    #reactWith(emoji) {
        this.sheet.close();
        if (this.item) void this.react(this.item, emoji);
    }

    /** @param {Choice[]} choices */
    #choices(choices) {
        const rows = choices.map(({ icon: name, text, run, danger }) => {
            const kind = `choice${danger ? ' danger' : ''}`;
            const button = make('button', { type: 'button', class: kind }, icon(name), text);
            button.onclick = run;
            return make('li', {}, button);
        });
        byId('action-list').replaceChildren(...rows);
    }

    /** @param {Choice[]} choices of the next step; the keyboard goes there too */
    #step(choices) {
        byId('emoji').hidden = true;
        this.#choices(choices);
        /** @type {HTMLElement|null} */ (byId('action-list').querySelector('button'))?.focus();
    }

    /** @param {MessageItem} item @returns {Choice[]} */
    #first(item) {
        const { user, content } = item.message;
        const { current, me } = this.store;
        const isMine = user === me;
        const isMod = moderates(current?.guard ?? null);
        /** @type {Choice[]} */
        const choices = [];
        const close = (/** @type {() => unknown} */ run) => () => {
            this.sheet.close();
            run();
        };
        if (isMine) {
            const edit = close(() => this.store.beginEdit(item));
            choices.push({ icon: 'edit', text: strings.edit, run: edit });
        }
        if (!refusal(current?.guard ?? null, Date.now()).code)
            choices.push({
                icon: 'quote',
                text: strings.quote,
                run: close(() => this.store.beginQuote(item)),
            });
        const address = `${location.origin}${location.pathname}#${current?.name}/${item.given.seq}`;
        choices.push(
            { icon: 'copy', text: strings.copy, run: close(() => this.#copy(content)) },
            { icon: 'link', text: strings.copyLink, run: close(() => this.#copy(address)) },
        );
        if (!isMine && !current?.isPrivate) {
            const talk = close(() => this.store.show(`@${user}`));
            choices.push({ icon: 'talk', text: strings.talkTo(user), run: talk });
        }
        if (isMine || (isMod && !current?.isPrivate)) {
            const ask = () => this.#step(this.#confirmDelete(item));
            choices.push({ icon: 'bin', text: strings.delete, run: ask, danger: true });
        }
        if (isMod && !isMine) choices.push(...this.#moderation(user));
        return choices;
    }

    /** @param {MessageItem} item @returns {Choice[]} */
    #confirmDelete(item) {
        const run = () => {
            this.sheet.close();
            void this.#try(() => this.store.client.remove(this.store.active, target(item)));
        };
        return [
            { icon: 'bin', text: strings.deleteForAll, run, danger: true },
            { icon: 'close', text: strings.cancel, run: () => this.sheet.close() },
        ];
    }

    /** @param {string} user @returns {Choice[]} */
    #moderation(user) {
        const { active } = this.store;
        const act = (/** @type {string} */ what, /** @type {object} */ fields = {}) => {
            this.sheet.close();
            void this.#try(() => this.store.client.room(active, what, { user, ...fields }));
        };
        const howLong = (/** @type {'mute'|'ban'} */ what) => () =>
            this.#step(
                DURATIONS.map((seconds) => ({
                    icon: what,
                    text: strings.sanction(what, user, seconds),
                    run: () => act(what, { seconds }),
                    danger: true,
                })),
            );
        return [
            { icon: 'mute', text: strings.mute(user), run: howLong('mute') },
            { icon: 'out', text: strings.kick(user), run: () => act('kick') },
            { icon: 'ban', text: strings.ban(user), run: howLong('ban'), danger: true },
        ];
    }

    /** @param {string} text */
    async #copy(text) {
        try {
            if (!navigator.clipboard) throw new Error('not a secure context');
            await navigator.clipboard.writeText(text);
        } catch {
            if (!copyByHand(text)) return this.toast(strings.notCopied);
        }
        this.toast(strings.copied);
    }

    /** @param {() => Promise<unknown>} run */
    async #try(run) {
        try {
            await run();
        } catch (error) {
            const { code, message, retryAfterMs } = /** @type {import('../asks.js').Unanswered} */ (
                error
            );
            this.toast(strings.error(code, message, retryAfterMs));
        }
    }
}

/** @param {MessageItem} item */
function target({ epoch, given: { seq, id } }) {
    return { epoch, seq, id };
}

/** @param {string} text @returns {boolean} for pages over plain HTTP */
export function copyByHand(text) {
    const field = make('textarea', { class: 'hidden' });
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand('copy');
    field.remove();
    return done;
}
