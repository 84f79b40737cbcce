/**
 * The columns at the sides. Where there is no room for them they are drawers: one at a time,
 * over a scrim, closed by Escape, by the scrim, by a choice and by the back gesture of the eye.
 * A closed drawer is inert, so neither Tab nor a screen reader gets into it.
 */
import { byId } from '../dom.js';

const WIDTHS = { side: '(max-width: 759px)', people: '(max-width: 1079px)' };

/** @typedef {'side'|'people'} DrawerName */

export class Drawers {
    constructor() {
        /** @type {DrawerName|''} */
        this.open = '';
        for (const name of /** @type {DrawerName[]} */ (['side', 'people'])) {
            matchMedia(WIDTHS[name]).addEventListener('change', () => this.close());
            byId(`open-${name}`).addEventListener('click', () => this.#show(name));
            byId(name)
                .querySelector('[data-close]')
                ?.addEventListener('click', () => this.close());
        }
        byId('scrim').addEventListener('click', () => this.close());
        addEventListener('keydown', (event) => {
            if (event.key === 'Escape' && this.open) this.close();
        });
        this.#apply();
    }

    close() {
        const was = this.open;
        this.open = '';
        this.#apply();
        if (was) byId(`open-${was}`).focus();
    }

    /** @param {DrawerName} name */
    #show(name) {
        this.open = name;
        this.#apply();
        const first = byId(name).querySelector('[aria-current] , [data-close]');
        /** @type {HTMLElement|null} */ (first)?.focus();
    }

    #apply() {
        for (const name of /** @type {DrawerName[]} */ (['side', 'people'])) {
            const isOpen = this.open === name;
            byId(name).inert = matchMedia(WIDTHS[name]).matches && !isOpen;
            byId(name).classList.toggle('open', isOpen);
            byId(`open-${name}`).setAttribute('aria-expanded', String(isOpen));
        }
        byId('scrim').classList.toggle('open', this.open !== '');
        for (const part of document.querySelectorAll('.chat'))
            part.toggleAttribute('inert', this.open !== '');
    }
}

/**
 * Keeps the page as high as what can be seen above an on-screen keyboard, in browsers that lay
 * the keyboard over the page instead of shrinking it.
 */
export function followKeyboard() {
    const viewport = window.visualViewport;
    if (!viewport) return;
    const fit = () => {
        const covered = innerHeight - viewport.height * viewport.scale > 120;
        const style = document.documentElement.style;
        const height = Math.round(viewport.height);
        if (covered) style.setProperty('--height', `${height}px`);
        else style.removeProperty('--height');
        style.setProperty('--covered', covered ? `${innerHeight - height}px` : '0px'); // of sheets
        if (covered) scrollTo(0, 0);
    };
    viewport.addEventListener('resize', fit);
}
