/** What the languages share: dates in the user's way of writing them, and lengths of time. */

/** @param {string} language @returns {string} the user's region of it: "en-GB" for "en" */
const regional = (language) =>
    globalThis.navigator?.languages?.find((one) => one.split('-')[0] === language) ?? language;

/** @param {string} language */
export function formats(language) {
    /** @param {Intl.DateTimeFormatOptions} options */
    const format = (options) => {
        const { format } = new Intl.DateTimeFormat(regional(language), options);
        return (/** @type {number} */ ms) => format(ms);
    };
    return {
        date: format({ weekday: 'long', day: 'numeric', month: 'long' }),
        time: format({ hour: '2-digit', minute: '2-digit' }),
        both: format({ dateStyle: 'medium', timeStyle: 'medium' }),
    };
}

const UNITS_MS = [86_400_000, 3_600_000, 60_000, 1_000];

/**
 * @param {[one: string, many: string][]} words for days, hours, minutes, seconds
 * @returns {(ms: number) => string} in the largest unit of which there are at least two, or one
 */
export const spans = (words) => (ms) => {
    const found = UNITS_MS.findIndex((unit) => ms >= 2 * unit || ms === unit);
    const at = found < 0 ? UNITS_MS.length - 1 : found;
    const n = Math.max(1, Math.ceil(ms / UNITS_MS[at]));
    return `${n} ${words[at][n === 1 ? 0 : 1]}`;
};

/** @param {string} language @returns {(bytes: number) => string} */
export const sizes = (language) => (bytes) => {
    const power = Math.min(3, Math.max(0, Math.floor(Math.log2(bytes || 1) / 10)));
    const unit = ['byte', 'kilobyte', 'megabyte', 'gigabyte'][power];
    const number = bytes / 1024 ** power;
    const maximumFractionDigits = power > 1 && number < 10 ? 1 : 0;
    /** @type {Intl.NumberFormatOptions} */
    const format = { style: 'unit', unit, maximumFractionDigits };
    return new Intl.NumberFormat(regional(language), format).format(number);
};
