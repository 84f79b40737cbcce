/**
 * A dialog that comes up from the lower edge of a phone, and stands in the middle of a larger
 * screen. Escape, its button and a press beside it close it; the focus goes back where it was.
 */
import { byId } from '../dom.js';

export class Sheet {
    /** @param {string} id of a <dialog> @param {() => void} [closed] */
    constructor(id, closed) {
        this.dialog = /** @type {HTMLDialogElement} */ (byId(id));
        this.dialog.querySelector('[data-close]')?.addEventListener('click', () => this.close());
        this.dialog.addEventListener('click', (event) => {
            if (event.target === this.dialog) this.close(); // beside it
        });
        if (closed) this.dialog.addEventListener('close', closed);
    }

    get isOpen() {
        return this.dialog.open;
    }

    open() {
        if (this.dialog.open) return;
        // Safari before 15.4 has no dialogs: then it is a box above the rest.
        if (this.dialog.showModal) this.dialog.showModal();
        else this.dialog.setAttribute('open', '');
        this.dialog.querySelector('.sheet-scroll')?.scrollTo(0, 0);
    }

    close() {
        if (!this.dialog.open) return;
        if (this.dialog.close) this.dialog.close();
        else this.dialog.removeAttribute('open');
    }
}
