/** Two instances on one Redis, and a browser: where most of these stories take place. */
import { launch } from './browser.js';
import { startConfab, startRedis } from './server.js';

/** @param {Record<string, string>} env of both */
export async function startPair(env) {
    const redis = await startRedis();
    const [one, two, browser] = await Promise.all([
        startConfab(redis, { env }),
        startConfab(redis, { env }),
        launch(),
    ]);
    const stop = async () => {
        await browser.close();
        await Promise.all([one.stop(), two.stop()]);
        await redis.stop();
    };
    return { redis, one, two, browser, stop };
}
