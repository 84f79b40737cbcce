/** What can be measured of a page that somebody looks at. All of them answer [] when all is well. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
/** What to ask axe-core for: WCAG 2.2 AA; that without colours; colours alone. */
export const WCAG = { runOnly: { type: 'tag', values: TAGS } };
export const FORM = { ...WCAG, rules: { 'color-contrast': { enabled: false } } };
export const COLOURS = { runOnly: { type: 'rule', values: ['color-contrast'] } };

/**
 * The system has other colours from now on, and the page has seen it: a browser tells it with the
 * next picture, which may come later than the answer to emulateMedia().
 */
export async function paint(page, { colorScheme, contrast }) {
    await page.emulateMedia({ colorScheme, contrast });
    await page.waitForFunction(
        ([theme, more]) => {
            const { dataset } = document.documentElement;
            if (!dataset.theme) return true; // a page of style sheets alone
            return (!theme || dataset.theme === theme) && (!more || dataset.contrast === more);
        },
        [colorScheme, contrast && (contrast === 'more' ? 'more' : 'normal')],
    );
}

/** What axe-core finds. Styles are in the page already: it need not load them again (preload). */
export async function violations(page, rules = WCAG) {
    if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE);
    return page.evaluate(async (options) => {
        // What is still fading in has the contrast of a moment.
        const ends = document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime < Infinity);
        await Promise.all(ends.map((one) => one.finished.catch(() => {})));
        const { violations: found } = await window.axe.run(document, options);
        const where = ({ target, any }) => `${target.join(' ')} ${any[0]?.message ?? ''}`;
        return found.map(({ id, nodes }) => `${id}: ${nodes.map(where).join('; ')}`);
    }, { ...rules, resultTypes: ['violations'], preload: false });
}

/** What makes the page scroll sideways, or cannot be reached because it lies outside. */
export function sideways(page) {
    return page.evaluate(() => {
        const name = (e) => `${e.tagName} ${e.id ? `#${e.id}` : `.${e.className}`}`;
        const wide = [...document.querySelectorAll('*')].filter((e) => {
            if (e.scrollWidth <= e.clientWidth + 1 || e.closest('pre')) return false;
            return e === document.documentElement || /auto|scroll/.test(getComputedStyle(e).overflowX);
        });
        const outside = [...document.querySelectorAll('button, input, select, textarea')].filter((e) => {
            const { left, right, width } = e.getBoundingClientRect();
            const seen = width > 1 && e.checkVisibility({ visibilityProperty: true });
            return seen && (left < -1 || right > innerWidth + 1);
        });
        return [...wide.map((e) => `${name(e)} scrolls`), ...outside.map((e) => `${name(e)} is outside`)];
    });
}

/** Controls that a finger of 44 px misses; links within a text do not count (WCAG 2.5.8). */
export function tooSmall(page) {
    return page.evaluate(() => {
        const CONTROLS = 'button, a[href], input, select, textarea, summary, [role="option"]';
        const reach = 21; // half of 44 px, less what fractions of pixels take
        const hits = (element, x, y) => {
            const found = document.elementFromPoint(x, y);
            return found && (element.contains(found) || element === found.closest('label')?.control);
        };
        /** Between which heights it can be seen. */
        const between = (element) => {
            let [top, bottom] = [0, innerHeight];
            for (let e = element.parentElement; e; e = e.parentElement) {
                if (getComputedStyle(e).overflowY === 'visible') continue;
                const box = e.getBoundingClientRect();
                [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
            }
            return [top, bottom];
        };
        const missed = [];
        for (const e of document.querySelectorAll(CONTROLS)) {
            if (e.closest('.bubble') || e.classList.contains('skip') || e.disabled) continue;
            if (getComputedStyle(e).pointerEvents === 'none') continue;
            const isBox = e.matches('[type="radio"], [type="checkbox"]');
            const { left, top, width, height } = (isBox ? e.labels[0] : e).getBoundingClientRect();
            const [x, y] = [left + width / 2, top + height / 2];
            const [upper, lower] = between(e);
            if (width <= 1 || y - reach < upper || y + reach > lower || !hits(e, x, y)) continue;
            const points = [
                [x - reach, y],
                [x + reach, y],
                [x, y - reach],
                [x, y + reach],
            ];
            if (!points.every(([px, py]) => hits(e, px, py)))
                missed.push(`${e.tagName} #${e.id} .${e.className}: ${width} × ${height}`);
        }
        return missed;
    });
}
