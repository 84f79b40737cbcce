/** When people who may not be here were last seen: asked for now and then, while the page is seen. */

/** @typedef {import('./store.js').Store} Store */

const SOON_MS = 1_000;
const AGAIN_MS = 20_000;
const NAMES_MOST = 50; // of one question

export class LastSeen {
    /** @param {Store} store */
    constructor(store) {
        this.store = store;
        /** @type {ReturnType<typeof setTimeout>|undefined} */
        this.timer = undefined;
        this.looking = () => document.visibilityState === 'visible' && this.#later(SOON_MS);
        document.addEventListener('visibilitychange', this.looking);
    }

    /** @param {Set<import('./store.js').Topic>} topics */
    update(topics) {
        if (topics.has('active') || topics.has('people')) this.#later(SOON_MS);
    }

    stop() {
        document.removeEventListener('visibilitychange', this.looking);
        clearTimeout(this.timer);
    }

    /** @param {number} ms */
    #later(ms) {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.#ask(), ms);
    }

    async #ask() {
        const { current, conversations, client } = this.store;
        const others = conversations.map((view) => view.title);
        const names = [...new Set([...(current?.absent ?? []), ...others])].slice(0, NAMES_MOST);
        if (document.visibilityState === 'hidden') return;
        this.#later(AGAIN_MS);
        if (!names.length || !client.online) return;
        try {
            const { people = {} } = await client.asks.ask({ type: 'seen', names });
            this.store.learnSeen(people);
        } catch {
            // it is asked again, unless the server does not know the question
        }
    }
}
