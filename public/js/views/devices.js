/** A dialog with the devices of one's account. */
import { byId, keyed, make } from '../dom.js';
import { strings } from '../strings.js';

/** @typedef {import('../account.js').Account} Account */
/** @typedef {import('../account.js').Device} Device */

const LABEL_CHARS = 64;
const BROWSERS = [
    ['Firefox', /Firefox\//],
    ['Edge', /Edg/],
    ['Opera', /OPR\//],
    ['Chrome', /Chrom(e|ium)\/|CriOS/],
    ['Safari', /Safari\//],
];
const SYSTEMS = [
    ['Android', /Android/],
    ['iPhone', /iPhone/],
    ['iPad', /iPad/],
    ['Windows', /Windows/],
    ['Mac', /Mac OS/],
    ['Linux', /Linux|CrOS/],
];

/** @param {string} agent the browser's own words @returns {string} what people call it */
export function deviceLabel(agent) {
    const found = [BROWSERS, SYSTEMS].map((list) =>
        list.find(([, pattern]) => /** @type {RegExp} */ (pattern).test(agent)),
    );
    return found.flatMap((entry) => entry?.[0] ?? []).join(', ').slice(0, LABEL_CHARS);
}

export class DevicesView {
    /** @param {Account} account @param {() => void} logout  this device wants to go */
    constructor(account, logout) {
        this.account = account;
        this.logout = logout;
        this.dialog = /** @type {HTMLDialogElement} */ (byId('devices'));
        /** @type {Device[]} */
        this.devices = [];
        byId('open-devices').addEventListener('click', () => this.#open());
        byId('close-devices').addEventListener('click', () => this.close());
        byId('revoke-others').addEventListener('click', () =>
            this.#revoke(this.devices.filter(({ current }) => !current)),
        );
        this.dialog.addEventListener('click', (event) => {
            if (event.target === this.dialog) this.close(); // beside it
        });
    }

    close() {
        this.dialog.close();
    }

    #open() {
        this.devices = [];
        this.#show();
        byId('devices-note').textContent = strings.loading;
        this.dialog.showModal();
        this.#load('');
    }

    /** @param {string} note what to say when the list is there */
    async #load(note) {
        try {
            this.devices = await this.account.devices();
            byId('devices-error').textContent = '';
            byId('devices-note').textContent = note;
        } catch (error) {
            this.#failed(error);
        }
        this.#show();
    }

    /** @param {Device[]} devices */
    async #revoke(devices) {
        this.dialog.setAttribute('aria-busy', 'true');
        try {
            for (const { id } of devices) await this.account.revoke(id);
            await this.#load(strings.signedOut(devices.length));
        } catch (error) {
            this.#failed(error);
        }
        this.dialog.removeAttribute('aria-busy');
        // The button that was used may be gone.
        if (this.dialog.open && document.activeElement === document.body)
            byId('close-devices').focus();
    }

    /** @param {unknown} error */
    #failed(error) {
        const { code, message } = /** @type {import('../account.js').AccountError} */ (error);
        byId('devices-note').textContent = '';
        byId('devices-error').textContent = strings.error(code, message);
    }

    #show() {
        byId('revoke-others').hidden = !this.devices.some(({ current }) => !current);
        keyed(
            byId('device-list'),
            this.devices,
            ({ id }) => id,
            (device) => this.#create(device),
            (item, device) => {
                const seen = device.online ? strings.onlineNow : strings.lastSeen(device.seen);
                const text = device.current ? strings.thisDevice : seen;
                /** @type {HTMLElement} */ (item.querySelector('.device-seen')).textContent = text;
            },
        );
    }

    /** @param {Device} device */
    #create(device) {
        const name = device.label || strings.someDevice;
        const out = make(
            'button',
            { type: 'button', class: 'way', 'aria-label': strings.signOutOf(name) },
            strings.signOut,
        );
        out.onclick = () => (device.current ? this.logout() : this.#revoke([device]));
        const text = make(
            'span',
            { class: 'device-text' },
            make('bdi', { class: 'device-name' }, name),
            make('span', { class: 'device-seen' }),
        );
        return make('li', {}, text, out);
    }
}
