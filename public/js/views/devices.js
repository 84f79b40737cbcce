/** One's account: its devices, its password, its end. */
import { byId, keyed, make } from '../dom.js';
import { strings } from '../strings.js';
import { Sheet } from './sheet.js';

/** @typedef {import('../account.js').Account} Account */
/** @typedef {import('../account.js').Device} Device */

const LABEL_CHARS = 64;
const PASSWORD_BYTES = 8;
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

/** @param {string} id @returns {any} */
const field = (id) => byId(id);

/** @param {unknown} error @returns {string} where the name is not in question */
function passwordError(error) {
    const { code, message } = /** @type {import('../account.js').AccountError} */ (error);
    return code === 'bad_login' ? strings.wrongPassword : strings.error(code, message);
}

export class DevicesView {
    /**
     * @param {Account} account @param {() => void} logout  this device wants to go
     * @param {() => void} deleted  the account is no more
     */
    constructor(account, logout, deleted) {
        this.account = account;
        this.logout = logout;
        this.deleted = deleted;
        this.sheet = new Sheet('devices', () => this.#forget());
        this.dialog = this.sheet.dialog;
        /** @type {Device[]} */
        this.devices = [];
        byId('open-devices').addEventListener('click', () => this.#open());
        for (const [id, run] of /** @type {[string, () => Promise<void>][]} */ ([
            ['password-form', () => this.#changePassword()],
            ['unregister-form', () => this.#unregister()],
        ]))
            byId(id).addEventListener('submit', (event) => {
                event.preventDefault();
                void this.#once(run);
            });
        byId('revoke-others').addEventListener('click', () =>
            this.#revoke(this.devices.filter(({ current }) => !current)),
        );
    }

    close() {
        this.sheet.close();
    }

    /** Passwords do not stay in the page. */
    #forget() {
        for (const id of ['password-old', 'password-new', 'unregister-password'])
            field(id).value = '';
        for (const id of ['password-form-error', 'password-form-note', 'unregister-error'])
            byId(id).textContent = '';
        field('unregister').open = false;
    }

    /** @param {() => Promise<void>} run */
    async #once(run) {
        if (this.dialog.getAttribute('aria-busy')) return;
        this.dialog.setAttribute('aria-busy', 'true');
        await run();
        this.dialog.removeAttribute('aria-busy');
    }

    async #changePassword() {
        const [old, password] = [field('password-old').value, field('password-new').value];
        const isShort = new TextEncoder().encode(password).length < PASSWORD_BYTES;
        byId('password-form-note').textContent = '';
        try {
            if (isShort) throw { code: 'bad_password' };
            await this.account.changePassword(old, password);
            this.#forget();
            byId('password-form-note').textContent = strings.passwordChanged;
            await this.#load('');
        } catch (error) {
            byId('password-form-error').textContent = passwordError(error);
            field(isShort ? 'password-new' : 'password-old').focus();
        }
    }

    async #unregister() {
        try {
            await this.account.unregister(field('unregister-password').value);
            this.close();
            this.deleted();
        } catch (error) {
            byId('unregister-error').textContent = passwordError(error);
            field('unregister-password').focus();
        }
    }

    #open() {
        this.devices = [];
        this.#show();
        byId('devices-note').textContent = strings.loading;
        field('password-user').value = this.account.name;
        this.sheet.open();
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
