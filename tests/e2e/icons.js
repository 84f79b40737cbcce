/**
 * Makes public/icons/*.png from public/favicon.svg. Run it with `npm run icons` when that changed;
 * it needs pngquant (Debian: pngquant).
 */
import { execFileSync } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { launch } from './support/browser.js';

const PUBLIC = fileURLToPath(new URL('../../public/', import.meta.url));
const GROUND = '#f1efe9';
/** share: how much of the width the sign takes; a maskable icon may lose a fifth on each side */
const ICONS = [
    { name: '192', size: 192, share: 0.84, ground: 'transparent' },
    { name: '512', size: 512, share: 0.84, ground: 'transparent' },
    { name: 'maskable', size: 512, share: 0.58, ground: GROUND },
    { name: 'apple', size: 180, share: 0.7, ground: GROUND },
];

const svg = await readFile(`${PUBLIC}favicon.svg`, 'utf8');
await mkdir(`${PUBLIC}icons`, { recursive: true });
const browser = await launch();
const page = await browser.newPage();
for (const { name, size, share, ground } of ICONS) {
    const path = `${PUBLIC}icons/${name}.png`;
    await page.setViewportSize({ width: size, height: size });
    await page.setContent(`<style>body { margin: 0; height: 100vh; display: grid; place-items: center;
        background: ${ground}; } svg { width: ${share * size}px; }</style>${svg}`);
    await page.screenshot({ path, omitBackground: true });
    execFileSync('pngquant', ['--force', '--strip', '--speed', '1', '--output', path, '16', path]);
}
await browser.close();
