/** A room of one's own: a new one, or one that nobody owns. */
import { byId } from '../dom.js';
import { isPlace } from '../names.js';
import { strings } from '../strings.js';
import { Sheet } from './sheet.js';

/** @typedef {import('../store.js').Store} Store */

/** @param {string} id @returns {any} */
const field = (id) => byId(id);

export class CreateSheet {
    /** @param {Store} store @param {() => void} done */
    constructor(store, done) {
        this.store = store;
        this.done = done;
        this.sheet = new Sheet('create');
        byId('open-create').hidden = !store.isAccount;
        byId('open-create').onclick = () => this.open('');
        byId('create-form').onsubmit = (event) => {
            event.preventDefault();
            void this.#create();
        };
    }

    update() {}

    stop() {
        this.sheet.close();
    }

    /** @param {string} room that nobody owns; "": a new one */
    open(room) {
        byId('create-title').textContent = room ? strings.ownTitle : strings.createTitle;
        field('create-name').value = room;
        field('create-name').readOnly = room !== '';
        field('create-topic').value = '';
        field('create-access').value = 'public';
        field('create-read-only').value = 'false';
        byId('create-error').textContent = '';
        this.sheet.open();
        byId(room ? 'create-topic' : 'create-name').focus();
    }

    async #create() {
        const room = field('create-name').value.trim().replace(/^#/, '').normalize('NFC');
        const error = byId('create-error');
        if (!room || room.startsWith('@') || !isPlace(room))
            return void (error.textContent = strings.error('bad_room'));
        const topic = field('create-topic').value.trim();
        const fields = {
            access: field('create-access').value,
            read_only: field('create-read-only').value === 'true',
            ...(topic && { topic }),
        };
        error.textContent = '';
        try {
            await this.store.client.room(room, 'create', fields);
            this.sheet.close();
            this.store.show(room);
            this.done();
        } catch (problem) {
            const { code, message } = /** @type {import('../asks.js').Unanswered} */ (problem);
            error.textContent = strings.error(code, message);
        }
    }
}
