/** Files for a message: chosen, photographed, pasted or dropped, and the row of them that waits. */
import { byId, icon, iconButton, make } from '../dom.js';
import { strings } from '../strings.js';
import { Sheet } from './sheet.js';

/** @typedef {import('../uploads.js').Uploads} Uploads */
/** @typedef {import('../uploads.js').Upload} Upload */
/** @typedef {import('./composer.js').Draft} Draft */

/**
 * @typedef {object} AttachHooks
 * @property {(files: File[]) => void} add
 * @property {(upload: Upload) => void} remove
 * @property {(draft: Draft) => void} takeBack
 */

export class AttachView {
    /** @param {Uploads} uploads @param {AttachHooks} hooks */
    constructor(uploads, hooks) {
        this.uploads = uploads;
        this.hooks = hooks;
        this.tray = byId('tray');
        this.chat = /** @type {HTMLElement} */ (document.querySelector('.chat'));
        this.sheet = new Sheet('attach-sheet');
        /** @type {Map<Upload, HTMLElement>} */
        this.tiles = new Map();
        const inputs = ['file-input', 'photo-input'].map((id) => byId(id));
        for (const one of inputs) {
            const input = /** @type {HTMLInputElement} */ (one);
            input.onchange = () => {
                this.hooks.add([...(input.files ?? [])]);
                input.value = ''; // the same one may be chosen again
            };
        }
        const choose = (/** @type {HTMLElement} */ input) => () => {
            this.sheet.close();
            input.click();
        };
        byId('choose-files').onclick = choose(inputs[0]);
        byId('take-photo').onclick = choose(inputs[1]);
        byId('attach').onclick = () => {
            if (matchMedia('(pointer: coarse)').matches) this.sheet.open();
            else inputs[0].click();
        };
        byId('text').onpaste = (event) => this.#pasted(event);
        this.chat.ondragover = (event) => this.#over(event);
        this.chat.ondragleave = ({ relatedTarget: to }) => {
            if (!this.chat.contains(/** @type {Node|null} */ (to))) byId('drop').hidden = true;
        };
        this.chat.ondrop = (event) => {
            byId('drop').hidden = true;
            if (!hasFiles(event.dataTransfer)) return;
            event.preventDefault();
            this.hooks.add([...(event.dataTransfer?.files ?? [])]);
        };
    }

    stop() {
        this.chat.ondragover = this.chat.ondragleave = this.chat.ondrop = null;
        byId('text').onpaste = null;
        this.sheet.close();
    }

    /** @param {Upload[]} files of what is being written @param {{draft: Draft}[]} leaving */
    show(files, leaving) {
        const old = this.tiles;
        this.tiles = new Map();
        const tilesOf = (/** @type {Upload[]} */ uploads) => {
            for (const upload of uploads)
                this.tiles.set(upload, old.get(upload) ?? this.#tile(upload));
            const tiles = uploads.map((upload) => /** @type {Node} */ (this.tiles.get(upload)));
            return make('ul', { class: 'tiles', 'aria-label': strings.trayLabel }, ...tiles);
        };
        const rows = leaving.map(({ draft }) =>
            make('div', { class: 'leaving' }, this.#note(draft), tilesOf(draft.files)),
        );
        if (files.length) rows.push(make('div', {}, tilesOf(files)));
        this.tray.hidden = !rows.length;
        if (rows.length || this.tray.hasChildNodes()) this.tray.replaceChildren(...rows);
    }

    /** @param {Draft} draft that goes when its files are there */
    #note(draft) {
        const back = make('button', { type: 'button', class: 'link' }, strings.takeBack);
        back.onclick = () => this.hooks.takeBack(draft);
        const text = make('bdi', { class: 'caption' }, draft.text);
        return make('p', { class: 'leaving-note' }, text, make('span', {}, strings.goesLater), back);
    }

    /** @param {Upload} upload It has come further. */
    update(upload) {
        const tile = this.tiles.get(upload);
        if (tile) fill(tile, upload);
    }

    /** @param {Upload} upload */
    #tile(upload) {
        const { name, preview } = upload;
        const remove = iconButton('close', strings.removeFile(name), 'tile-remove');
        remove.onclick = () => this.hooks.remove(upload);
        const again = make('button', { type: 'button', class: 'link again' }, strings.retry);
        again.onclick = () => this.uploads.retry(upload);
        const tile = make(
            'li',
            { class: 'tile' },
            preview ? make('img', { src: preview, alt: '' }) : icon('file'),
            make('bdi', { class: 'tile-name', title: name }, name),
            make('span', { class: 'tile-note' }),
            again,
            make('progress', { max: 1, 'aria-label': name }),
            remove,
        );
        fill(tile, upload);
        return tile;
    }

    /** @param {ClipboardEvent} event */
    #pasted(event) {
        const data = event.clipboardData;
        // A table's cells come as a picture, too: then the text is meant.
        if (!data?.files.length || data.types.includes('text/plain')) return;
        event.preventDefault();
        this.hooks.add([...data.files]);
    }

    /** @param {DragEvent} event */
    #over(event) {
        if (!hasFiles(event.dataTransfer)) return;
        event.preventDefault();
        byId('drop').hidden = byId('attach').hidden;
    }
}

/** @param {HTMLElement} tile @param {Upload} upload */
function fill(tile, { state, part, code, message }) {
    tile.dataset.state = state;
    const find = (/** @type {string} */ one) => /** @type {any} */ (tile.querySelector(one));
    const bar = find('progress');
    bar.hidden = state !== 'sending';
    bar.value = part;
    find('.again').hidden = state !== 'failed' || code === 'too_big' || code === 'file_empty';
    const notes = { waiting: strings.waiting, failed: strings.error(code, message), sending: '', done: '' };
    find('.tile-note').textContent = notes[state];
}

/** @param {DataTransfer|null} data */
function hasFiles(data) {
    return data?.types.includes('Files') ?? false;
}
