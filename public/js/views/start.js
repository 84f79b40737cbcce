/** The first screen: a name. */
import { byId } from '../dom.js';
import { strings } from '../strings.js';

const NAME = /^[\p{L}\p{M}\p{Nd}_.-]{1,32}$/u; // as the server sees it; it has the last word

/** @param {(name: string) => void} enter @returns {{show: (name: string, problem: string) => void}} */
export function startView(enter) {
    const input = /** @type {HTMLInputElement} */ (byId('name'));
    const error = byId('name-error');

    /** @param {string} problem */
    const complain = (problem) => {
        error.textContent = problem;
        input.toggleAttribute('aria-invalid', problem !== '');
    };
    byId('start-form').addEventListener('submit', (event) => {
        event.preventDefault();
        const name = input.value.trim().normalize('NFC');
        const good = NAME.test(name);
        complain(good ? '' : strings.error('bad_name'));
        if (good) enter(name);
        else input.focus();
    });
    input.addEventListener('input', () => complain(''));

    return {
        show(name, problem) {
            document.body.dataset.screen = 'start';
            byId('start').hidden = false;
            byId('app').hidden = true;
            input.value ||= name;
            complain(problem);
            input.focus();
            input.select();
        },
    };
}
