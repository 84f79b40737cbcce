/**
 * The first screen: a name, and where the server knows accounts a password, to log in or to make
 * one. Without an answer of the server it is for guests, who will hear what is wrong.
 */
import { byId } from '../dom.js';
import { isName } from '../names.js';
import * as storage from '../storage.js';
import { strings } from '../strings.js';
import { deviceLabel } from './devices.js';

/** @typedef {'guest'|'login'|'register'} Way */

const WAYS = /** @type {Way[]} */ (['guest', 'login', 'register']);
const ABOUT_NAME = ['bad_name', 'name_taken', 'bad_field', 'login_required', 'accounts_off'];
const PASSWORD_BYTES = 8;

export class StartView {
    /**
     * @param {import('../account.js').Account} account
     * @param {(name: string) => void} enter  as guest, or with the account of that name
     */
    constructor(account, enter) {
        this.account = account;
        this.enter = enter;
        this.name = /** @type {HTMLInputElement} */ (byId('name'));
        this.password = /** @type {HTMLInputElement} */ (byId('password'));
        this.button = /** @type {HTMLButtonElement} */ (byId('enter'));
        /** @type {'off'|'optional'|'required'} */
        this.mode = 'off';
        this.way = /** @type {Way} */ ('guest');
        this.wanted = this.way; // may be closed, or not known to be open yet
        this.problem = { code: '', message: '' };
        byId('start-form').addEventListener('submit', (event) => {
            event.preventDefault();
            this.#submit();
        });
        byId('start-form').addEventListener('input', () => this.#complain(''));
        byId('plain').hidden = isSecureContext;
        for (const way of WAYS)
            byId(`way-${way}`).addEventListener('click', () => {
                this.#choose(way);
                this.#complain('');
                (this.name.value && way !== 'guest' ? this.password : this.name).focus();
            });
    }

    /** @param {string} name @param {string} [code] why one is here again @param {string} [message] */
    show(name, code = '', message = '') {
        document.body.dataset.screen = 'start';
        byId('start').hidden = false;
        byId('app').hidden = true;
        this.name.value ||= name;
        this.#choose(code === 'bad_token' ? 'login' : this.wanted);
        this.#complain(code, message);
        this.name.focus();
        this.name.select();
        this.#askMode();
    }

    async #askMode() {
        try {
            this.mode = await this.account.mode();
        } catch {
            return; // the chat says what is wrong, and comes back by itself
        }
        this.#choose(this.wanted);
        if (this.problem.code === 'bad_token') this.password.focus();
        this.#complain(this.problem.code, this.problem.message);
    }

    /** @param {Way} wanted */
    #choose(wanted) {
        const { mode } = this;
        const isOpen = {
            guest: mode !== 'required',
            login: mode !== 'off',
            register: mode !== 'off',
        };
        const instead = wanted === 'guest' ? 'login' : 'guest';
        this.wanted = wanted;
        this.way = isOpen[wanted] ? wanted : instead;
        const withPassword = this.way !== 'guest';
        for (const way of WAYS) byId(`way-${way}`).hidden = way === this.way || !isOpen[way];
        byId('with-password').hidden = !withPassword;
        byId('password-hint').hidden = this.way !== 'register';
        this.name.setAttribute('autocomplete', withPassword ? 'username' : 'nickname');
        this.password.autocomplete = this.way === 'register' ? 'new-password' : 'current-password';
        if (!withPassword) this.password.value = '';
        this.button.textContent = strings.ways[this.way];
        byId('way-note').textContent = this.way === 'guest' ? strings.guestNote : '';
    }

    /** @param {string} code "" for none @param {string} [message] */
    #complain(code, message = '') {
        this.problem = { code, message };
        const isOfName = ABOUT_NAME.includes(code) || this.way === 'guest';
        const canLogIn = code === 'name_taken' && this.mode !== 'off';
        const text = canLogIn ? strings.nameTaken : strings.error(code, message);
        byId('name-error').textContent = code && isOfName ? text : '';
        byId('password-error').textContent = code && !isOfName ? text : '';
        this.name.setAttribute('aria-invalid', String(code !== '' && isOfName));
        this.password.setAttribute('aria-invalid', String(code !== '' && !isOfName));
    }

    async #submit() {
        if (this.button.disabled) return;
        const name = this.name.value.trim().normalize('NFC');
        const password = this.password.value;
        const isShort = new TextEncoder().encode(password).length < PASSWORD_BYTES;
        if (!isName(name)) return this.#refuse('bad_name', this.name);
        if (this.way === 'guest') return this.enter(name);
        if (this.way === 'register' && isShort) return this.#refuse('bad_password', this.password);
        this.#complain('');
        this.button.disabled = true;
        try {
            const label = deviceLabel(navigator.userAgent);
            if (this.way === 'login') await this.account.login(name, password, { label });
            else
                await this.account.register(name, password, { label, session: storage.session() });
            this.password.value = '';
            this.enter(this.account.name);
        } catch (error) {
            const { code, message } = /** @type {import('../account.js').AccountError} */ (error);
            this.#refuse(code, ABOUT_NAME.includes(code) ? this.name : this.password, message);
        } finally {
            this.button.disabled = false;
        }
    }

    /** @param {string} code @param {HTMLInputElement} field @param {string} [message] */
    #refuse(code, field, message) {
        this.#complain(code, message);
        field.focus();
    }
}
