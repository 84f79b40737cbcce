/** Where others have named one: a row in the left column, and the list that it opens. */
import { avatar, byId, make } from '../dom.js';
import { strings } from '../strings.js';
import { Sheet } from './sheet.js';

/** @typedef {import('../store.js').Store} Store */
/** @typedef {import('../types.js').Mention} Mention */

export class MentionsView {
    /** @param {Store} store @param {(text: string) => void} toast @param {() => void} chosen */
    constructor(store, toast, chosen) {
        this.store = store;
        this.toast = toast;
        this.chosen = chosen;
        this.sheet = new Sheet('mentions');
        /** @type {import('../types.js').Cursor|null} */
        this.older = null;
        byId('open-mentions').onclick = () => this.#open();
        byId('more-mentions').onclick = () => void this.#load();
        this.#row();
    }

    /** @param {Set<import('../store.js').Topic>} topics */
    update(topics) {
        if (topics.has('mentions')) this.#row();
    }

    stop() {
        this.sheet.close();
        byId('open-mentions').hidden = true;
    }

    #row() {
        const { seq, unseen } = this.store.mentions;
        const badge = byId('mentions-badge');
        byId('open-mentions').hidden = !seq;
        byId('open-mentions').classList.toggle('unread', unseen > 0);
        badge.hidden = !unseen;
        badge.textContent = unseen > 99 ? '99+' : String(unseen);
        badge.setAttribute('aria-label', strings.newMentions(unseen));
    }

    #open() {
        byId('mention-list').replaceChildren();
        this.older = {};
        this.chosen();
        this.sheet.open();
        void this.#load();
    }

    async #load() {
        byId('mentions-note').textContent = strings.loading;
        byId('more-mentions').hidden = true;
        try {
            const { mentions, older } = await this.store.client.mentions(this.older ?? {});
            this.older = older;
            byId('mention-list').append(...mentions.reverse().map((one) => this.#create(one)));
            byId('mentions-note').textContent = byId('mention-list').childElementCount
                ? ''
                : strings.noMentions;
            byId('more-mentions').hidden = !older || !mentions.length;
            this.store.seeMentions();
        } catch (error) {
            const { code, message } = /** @type {import('../asks.js').Unanswered} */ (error);
            byId('mentions-note').textContent = strings.error(code, message);
        }
    }

    /** @param {Mention} mention */
    #create(mention) {
        const { user, room, timestamp } = mention;
        const text = make(
            'span',
            { class: 'grow two' },
            make('bdi', {}, strings.mentionIn(user, room)),
            make('span', { class: 'soft' }, strings.dateTime(timestamp)),
        );
        const button = make('button', { type: 'button', class: 'choice' }, avatar(user), text);
        button.onclick = () => void this.#go(mention);
        return make('li', {}, button);
    }

    /** @param {Mention} mention */
    async #go({ room, message, message_epoch: epoch, id }) {
        this.sheet.close();
        try {
            await this.store.showMessage(room, epoch, { seq: message, id });
        } catch {
            this.toast(strings.cannotShow);
        }
    }
}
