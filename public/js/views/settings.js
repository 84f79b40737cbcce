/** What this browser is to look like. first.js applies it, in all tabs and before the first paint. */
import { byId } from '../dom.js';
import { noticeSettings } from '../notify.js';
import { area, get, put } from '../storage.js';
import { Sheet } from './sheet.js';

export class SettingsSheet {
    constructor() {
        const sheet = new Sheet('settings');
        noticeSettings();
        for (const button of document.querySelectorAll('.open-settings'))
            button.addEventListener('click', () => sheet.open());
        for (const name of ['language', 'theme', 'contrast']) {
            const select = /** @type {HTMLSelectElement} */ (byId(`set-${name}`));
            select.value = get(area.local, `confab.${name}`) ?? '';
            select.addEventListener('change', () => {
                put(area.local, `confab.${name}`, select.value || null);
                dispatchEvent(new Event('confab-look'));
                if (name === 'language') location.reload();
            });
        }
        const language = /** @type {HTMLSelectElement} */ (byId('set-language'));
        language.value = document.documentElement.lang;
    }
}
