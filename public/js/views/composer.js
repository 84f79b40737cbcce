/**
 * The field one writes in: drafts per place, quotes, files, a counter near the limit, patience
 * notices, changing a message of one's own, and a sentence in its place where one may not write.
 */
import { announce, byId, icon } from '../dom.js';
import { emojiOf } from '../emoji.js';
import { refusal } from '../events.js';
import { joined, quoteOf, taken } from '../markup.js';
import * as storage from '../storage.js';
import { strings } from '../strings.js';
import { Uploads } from '../uploads.js';
import { AttachView } from './attach.js';
import { Completion } from './completion.js';

/** @typedef {import('../store.js').Store} Store */
/** @typedef {import('../types.js').Stream} Stream */
/** @typedef {import('../run.js').MessageItem} MessageItem */
/** @typedef {import('../uploads.js').Upload} Upload */

/**
 * @typedef {object} Draft
 * @property {string} quote   lines that begin with "> ", or ""
 * @property {string} text
 * @property {Upload[]} files
 */

const COUNTER_FROM = 0.8; // of the limit
const BYTES_MOST = 4096; // until the server has said its own limit
const FILES_MOST = 4; // of a message: so many go with it when it is deleted
const LINK_BYTES = 120; // of a file's address besides its name
const TICK_MS = 250;
const KEEP_MS = 400;
const IME = 229; // the keyCode of a key that an input method took; Safari says it only so

export class ComposerView {
    /**
     * @param {Store} store @param {() => void} said
     * @param {(text: string) => void} toast
     * @param {import('./emoji-picker.js').EmojiPicker} picker
     */
    constructor(store, said, toast, picker) {
        this.store = store;
        this.said = said;
        this.toast = toast;
        this.text = /** @type {HTMLTextAreaElement} */ (byId('text'));
        this.send = /** @type {HTMLButtonElement} */ (byId('send'));
        this.uploads = new Uploads(store.client);
        /** @type {Map<Stream, Draft>} */
        this.drafts = new Map();
        /** @type {Draft} what the field shows */
        this.draft = { quote: '', text: '', files: [] };
        this.shown = '';
        /** @type {MessageItem|null} the message that is being changed */
        this.edited = null;
        /** @type {{stream: Stream, draft: Draft}[]} they go when their files are there */
        this.leaving = [];
        /** @type {ReturnType<typeof setTimeout>|undefined} */
        this.timer = undefined;
        /** @type {ReturnType<typeof setTimeout>|undefined} */
        this.keeping = undefined;
        this.completion = new Completion(this.text, () => this.#names());
        this.attach = new AttachView(this.uploads, {
            add: (files) => this.add(files),
            remove: (upload) => this.#detach(upload),
            takeBack: (draft) => this.#takeBack(draft),
        });
        this.text.value = '';
        this.text.oninput = () => this.#typed();
        this.text.onkeydown = (event) => this.#key(event);
        byId('composer').onsubmit = (event) => {
            event.preventDefault();
            this.#say();
        };
        byId('edit-cancel').onclick = () => this.#cancelEdit();
        byId('quote-cancel').onclick = () => this.#quote('');
        byId('open-emoji').onclick = () => picker.open((emoji) => this.#insert(emoji));
        // The field keeps the focus (and a phone its keyboard) when the button is pressed.
        this.send.onpointerdown = (event) => event.preventDefault();
        this.onLeave = () => this.#keep();
        addEventListener('pagehide', this.onLeave);
        this.onUnload = (/** @type {Event} */ event) => this.#hasPending() && event.preventDefault();
        addEventListener('beforeunload', this.onUnload);
        this.offs = [
            store.on('edit', (item) => this.#beginEdit(item)),
            store.on('quote', (item) => this.#quote(quoteOf(this.shown, item))),
            this.uploads.on('change', (upload) => this.#uploaded(upload)),
        ];
    }

    /** @param {Set<import('../store.js').Topic>} topics */
    update(topics) {
        if (topics.has('active') && this.shown !== this.store.active) this.#swap();
        if (['hold', 'guard', 'active'].some((topic) => topics.has(/** @type {any} */ (topic))))
            this.#patience();
        if (topics.has('connection')) {
            byId('attach').hidden = !this.store.limits?.files;
            this.#measure();
        }
    }

    stop() {
        this.#keep();
        clearTimeout(this.timer);
        removeEventListener('pagehide', this.onLeave);
        removeEventListener('beforeunload', this.onUnload);
        for (const off of this.offs) off();
        this.uploads.stop();
        this.attach.stop();
        this.completion.close();
        this.#endEdit();
        this.leaving = [];
        this.#show({ quote: '', text: '', files: [] });
        byId('notice').hidden = true;
        byId('barred').hidden = true;
        byId('composer').hidden = false;
    }

    focus() {
        this.text.focus({ preventScroll: true });
    }

    /** @returns {boolean|undefined} undefined: not now, or nobody knows yet */
    get takesFiles() {
        const { limits, current } = this.store;
        if (!limits || !current?.ready || !this.shown || !byId('barred').hidden) return undefined;
        return Boolean(limits.files);
    }

    /** @param {string} text on a line of its own, behind what is there */
    insert(text) {
        this.text.setRangeText(`${this.text.value ? '\n' : ''}${text}`, this.text.value.length, this.text.value.length, 'end');
        this.#typed();
        this.focus();
    }

    /** @returns {boolean} would files get lost if the page went now? */
    #hasPending() {
        const drafts = [this.draft, ...this.drafts.values(), ...this.leaving.map((one) => one.draft)];
        return drafts.some(({ files }) => files.some(({ done }) => !done));
    }

    #swap() {
        if (this.edited) this.#cancelEdit();
        this.#keep();
        const view = this.store.current;
        this.shown = this.store.active;
        this.completion.close();
        const label = strings.messageTo(view?.title ?? '');
        this.text.placeholder = label;
        byId('text-label').textContent = label;
        this.text.disabled = !view;
        this.#show(this.#draftOf(this.shown));
    }

    /** @param {Stream} stream @returns {Draft} */
    #draftOf(stream) {
        const known = this.drafts.get(stream);
        if (known) return known;
        const draft = this.#apart(storage.draft(this.store.me, stream));
        this.drafts.set(stream, draft);
        return draft;
    }

    /** @param {string} content @returns {Draft} */
    #apart(content) {
        const { files, ...pieces } = taken(content);
        return { ...pieces, files: files.map((file) => this.uploads.known(file)) };
    }

    /** @param {Draft} draft */
    #show(draft) {
        this.draft = draft;
        this.text.value = draft.text;
        this.#changed();
    }

    /** The draft has changed otherwise than by typing. */
    #changed() {
        const { quote, files } = this.draft;
        const [, name = '', words = ''] = /^> \[([^\]]*)\][^\n]*\n?([^]*)/u.exec(quote) ?? [];
        byId('quoting').hidden = !quote;
        byId('quoted-name').textContent = name;
        byId('quoted-text').textContent = words.replace(/^> ?/gmu, '');
        this.attach.show(
            files,
            this.leaving.filter(({ stream }) => stream === this.shown),
        );
        this.#measure();
    }

    /** Over a reload, too. */
    #keep() {
        clearTimeout(this.keeping);
        this.keeping = undefined;
        if (this.shown && !this.edited)
            storage.keepDraft(this.store.me, this.shown, contentOf(this.draft));
    }

    #typed() {
        const { text } = this;
        const end = text.selectionStart;
        const [whole, name] = /:([\w+-]{1,32}):$/u.exec(text.value.slice(0, end)) ?? [];
        const emoji = name && emojiOf(name);
        if (whole && emoji) text.setRangeText(emoji, end - whole.length, end, 'end');
        this.draft.text = text.value;
        this.#measure();
        this.completion.look();
        this.keeping ??= setTimeout(() => this.#keep(), KEEP_MS);
        if (text.value.trim() && !this.edited) this.store.typing();
    }

    /** @param {string} words */
    #insert(words) {
        this.text.setRangeText(words, this.text.selectionStart, this.text.selectionEnd, 'end');
        this.#typed();
        this.focus();
    }

    /** @returns {string[]} whom one may mean: who spoke lately, then who is here */
    #names() {
        const view = this.store.current;
        if (!view || view.isPrivate) return [];
        const spoke = view.items.flatMap((item) =>
            item.kind === 'message' && item.message.kind !== 'room' ? [item.message.user] : [],
        );
        const names = new Set([...spoke.reverse(), ...(view.members ?? [])]);
        names.delete(this.store.me);
        return [...names];
    }

    /** Height, counter and button follow the text. */
    #measure() {
        const { style } = this.text;
        style.height = 'auto';
        if (this.text.value) style.height = `${this.text.scrollHeight}px`;
        const most = this.store.limits?.message_bytes ?? BYTES_MOST;
        const { files, text } = this.draft;
        const bytes = bytesOf(this.draft);
        const counter = byId('counter');
        counter.textContent = bytes > most * COUNTER_FROM ? strings.bytesLeft(most - bytes) : '';
        counter.classList.toggle('over', bytes > most);
        const waits = !this.edited && this.#secondsToWait() > 0;
        const isEmpty = text.trim() === '' && !files.length;
        const isHeld = files.some(
            ({ state }) => state === 'failed' || (this.edited && state !== 'done'),
        );
        this.send.disabled = bytes > most || isEmpty || isHeld || waits;
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
        if (event.isComposing || event.keyCode === IME || this.completion.key(event)) return;
        if (event.key === 'Escape' && this.edited) return this.#cancelEdit();
        if (event.key === 'Escape' && this.draft.quote) return this.#quote('');
        const isEmpty = this.text.value === '' && !this.draft.quote && !this.draft.files.length;
        if (event.key === 'ArrowUp' && isEmpty && this.store.lastOwn) {
            event.preventDefault();
            return this.#beginEdit(this.store.lastOwn);
        }
        if (event.key !== 'Enter' || event.shiftKey) return;
        event.preventDefault();
        this.#say();
    }

    #say() {
        this.draft.text = this.text.value; // whoever put it there
        this.#measure();
        if (this.send.disabled) return;
        const draft = { ...this.draft, text: this.draft.text.replace(/\s+$/u, '') };
        if (this.edited) return void this.#change(this.edited, contentOf(draft));
        this.leaving.push({ stream: this.shown, draft });
        this.completion.close();
        Object.assign(this.draft, { quote: '', text: '', files: [] });
        this.text.value = '';
        this.#keep();
        this.#go();
        this.focus();
        this.said();
    }

    /** Sends those whose files are there. */
    #go() {
        const isReady = (/** @type {Draft} */ { files }) => files.every(({ done }) => done);
        const ready = this.leaving.filter(({ draft }) => isReady(draft));
        this.leaving = this.leaving.filter(({ draft }) => !isReady(draft));
        for (const { stream, draft } of ready) {
            for (const upload of draft.files) this.uploads.release(upload);
            const content = contentOf(draft);
            if (content) this.store.client.sendMessage(stream, content);
        }
        this.#changed();
    }

    /** @param {File[]} files */
    add(files) {
        if (!this.shown || !byId('barred').hidden || !this.store.limits?.files) return;
        const room = FILES_MOST - this.draft.files.length;
        if (files.length > room) this.toast(strings.filesMost(FILES_MOST));
        this.draft.files.push(...files.slice(0, room).map((file) => this.uploads.add(file)));
        this.#changed();
        this.focus();
    }

    /** @param {Upload} upload */
    #detach(upload) {
        const drafts = [this.draft, ...this.leaving.map(({ draft }) => draft)];
        for (const draft of drafts) draft.files = draft.files.filter((other) => other !== upload);
        this.uploads.discard(upload);
        this.#go();
        this.#keep();
        this.focus();
    }

    /** @param {Draft} draft that waits for its files: into the field again */
    #takeBack(draft) {
        this.leaving = this.leaving.filter((other) => other.draft !== draft);
        const { quote, text, files } = this.draft;
        this.draft.quote = draft.quote || quote;
        this.draft.text = [draft.text, text].filter(Boolean).join('\n');
        this.draft.files = [...draft.files, ...files];
        this.#show(this.draft);
        this.#keep();
        this.focus();
    }

    /** @param {Upload} upload */
    #uploaded(upload) {
        this.attach.update(upload);
        if (upload.state === 'sending') return; // only on its way
        if (upload.state === 'failed') announce(strings.error(upload.code, upload.message));
        if (upload.done) this.#keep();
        this.#go();
    }

    /** @param {string} quote "" takes it away */
    #quote(quote) {
        this.draft.quote = quote;
        this.#changed();
        this.#keep();
        this.focus();
    }

    /** @param {MessageItem} item */
    #beginEdit(item) {
        this.#keep();
        this.edited = item;
        this.#show(this.#apart(item.message.content));
        byId('editing').hidden = false;
        this.send.setAttribute('aria-label', strings.save);
        this.send.replaceChildren(icon('check'));
        this.#patience();
        this.focus();
        this.text.setSelectionRange(this.text.value.length, this.text.value.length);
        announce(strings.editing);
    }

    #cancelEdit() {
        this.#endEdit();
        this.#show(this.#draftOf(this.shown));
        this.#patience();
        this.focus();
    }

    #endEdit() {
        this.edited = null;
        byId('editing').hidden = true;
        this.send.setAttribute('aria-label', strings.send);
        this.send.replaceChildren(icon('send'));
    }

    /** @param {MessageItem} item @param {string} content */
    async #change(item, content) {
        const { epoch, given, message } = item;
        const { seq, id } = given;
        if (content === message.content) return this.#cancelEdit();
        this.send.disabled = true;
        try {
            await this.store.client.edit(this.shown, { epoch, seq, id }, content);
            if (this.edited === item) this.#cancelEdit();
        } catch (error) {
            const { code, message: text, retryAfterMs } =
                /** @type {import('../asks.js').Unanswered} */ (error);
            this.toast(strings.error(code, text, retryAfterMs)); // what was written stays
        }
        this.#measure();
    }

    /** @returns {number} until slow mode lets one write here again */
    #secondsToWait() {
        const until = this.store.current?.slowUntil ?? 0;
        return Math.max(0, Math.ceil((until - Date.now()) / 1000));
    }

    /** What holds up the next message, for as long as it does. */
    #patience() {
        clearTimeout(this.timer);
        const barred = this.#barred();
        const limited = this.#notice();
        const slow = this.#slow();
        if (barred || limited || slow) this.timer = setTimeout(() => this.#patience(), TICK_MS);
    }

    /** @returns {boolean} whether to look again */
    #barred() {
        const { code, until } = refusal(this.store.current?.guard ?? null, Date.now());
        const text = code ? strings.barred(code, until ? until - Date.now() : 0) : '';
        const box = byId('barred');
        if (box.hidden && code) announce(text);
        if (code && this.edited) this.#cancelEdit();
        box.hidden = !code;
        byId('composer').hidden = code !== '';
        if (box.textContent !== text) box.textContent = text;
        if (box.hidden && box.dataset.code) this.#measure(); // it could not be while it was hidden
        box.dataset.code = code;
        return until > 0;
    }

    /** @returns {boolean} */
    #slow() {
        const seconds = this.#secondsToWait();
        const counter = byId('slow');
        const isOver = !seconds || Boolean(this.edited);
        if (counter.hidden !== isOver) this.#measure();
        counter.hidden = isOver;
        counter.textContent = strings.seconds(seconds);
        counter.title = strings.slowMode(seconds);
        this.send.classList.toggle('waits', !isOver);
        return seconds > 0;
    }

    /** @returns {boolean} */
    #notice() {
        const { code, until } = this.store.hold;
        const seconds = Math.ceil((until - Date.now()) / 1000);
        const notice = byId('notice');
        const isOver = code !== 'rate_limited' || seconds <= 0;
        const text = strings.rateLimited(seconds);
        if (notice.hidden && !isOver) announce(text);
        notice.hidden = isOver;
        if (!isOver) notice.textContent = text;
        return !isOver;
    }
}

/** @param {Draft} draft @returns {string} with the files that are there */
function contentOf({ quote, text, files }) {
    return joined({ quote, text, files: files.flatMap(({ done }) => done ?? []) });
}

/** @param {Draft} draft @returns {number} when all files are there */
function bytesOf(draft) {
    const missing = draft.files.filter(({ done }) => !done);
    const links = missing.map(({ name }) => LINK_BYTES + encodeURIComponent(name).length);
    const said = new TextEncoder().encode(contentOf(draft)).length;
    return links.reduce((sum, link) => sum + link, said);
}
