/**
 * The smallest event emitter: typed by a map from event name to what the listener gets.
 * @template {Record<string, any>} Events
 */
export class Emitter {
    /** @type {Map<keyof Events, Set<(detail: any) => void>>} */
    #listeners = new Map();

    /**
     * @template {keyof Events} K
     * @param {K} name
     * @param {(detail: Events[K]) => void} listener
     * @returns {() => void} takes the listener off again
     */
    on(name, listener) {
        let set = this.#listeners.get(name);
        if (!set) this.#listeners.set(name, (set = new Set()));
        set.add(listener);
        return () => void set.delete(listener);
    }

    /**
     * A listener that throws stops neither the others nor what the emitter does afterwards.
     * @template {keyof Events} K
     * @param {K} name
     * @param {Events[K]} detail
     */
    emit(name, detail) {
        for (const listener of [...(this.#listeners.get(name) ?? [])]) {
            try {
                listener(detail);
            } catch (error) {
                setTimeout(() => {
                    throw error;
                });
            }
        }
    }
}
