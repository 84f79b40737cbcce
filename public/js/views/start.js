/** The first screen: a name. */
import { byId } from '../dom.js';
import { isName } from '../names.js';
import { strings } from '../strings.js';

/**
 * @param {(name: string) => void} enter
 * @returns {{show: (name: string, problem: string) => void}}
 */
export function startView(enter) {
    const input = /** @type {HTMLInputElement} */ (byId('name'));
    const error = byId('name-error');

    /** @param {string} problem */
    const complain = (problem) => {
        error.textContent = problem;
        input.setAttribute('aria-invalid', String(problem !== ''));
    };
    byId('start-form').addEventListener('submit', (event) => {
        event.preventDefault();
        const name = input.value.trim().normalize('NFC');
        const good = isName(name);
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
