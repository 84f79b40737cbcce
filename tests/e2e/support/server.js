/** Real servers for the tests: a private Redis on a Unix socket and instances of confab. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = path.dirname(fileURLToPath(import.meta.url));
export const CONFAB = path.resolve(
    process.env.CONFAB_BIN ?? path.join(HERE, '../../../build/release/confab'),
);
const START_MS = 30_000; // a loaded machine is slow; a working one never waits so long

/** @type {Set<import('node:child_process').ChildProcess>} end with the tests, whatever happens */
const children = new Set();
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));

/** A child process whose output can be waited for. */
class Child {
    constructor(command, args, options) {
        this.output = '';
        this.waiters = new Set();
        this.process = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
        children.add(this.process);
        this.process.once('exit', () => children.delete(this.process));
        this.exited = new Promise((resolve) => {
            this.process.once('exit', (code, signal) => resolve({ code, signal }));
            this.process.once('error', (error) => {
                this.output += `${error}\n`;
                resolve({ code: -1, signal: null });
            });
        });
        for (const stream of [this.process.stdout, this.process.stderr])
            stream.on('data', (data) => this.#grew(String(data)));
        this.exited.then(() => this.#grew(''));
    }

    #grew(text) {
        this.output += text;
        for (const check of this.waiters) check();
    }

    /** Waits for a line of output and returns the match. */
    async line(pattern) {
        return new Promise((resolve, reject) => {
            const end = (settle, value) => {
                clearTimeout(timer);
                this.waiters.delete(check);
                settle(value);
            };
            const check = () => {
                const match = pattern.exec(this.output);
                if (match) end(resolve, match);
                else if (this.process.exitCode !== null)
                    end(reject, new Error(`ended before ${pattern}:\n${this.output}`));
            };
            const timer = setTimeout(
                () =>
                    end(reject, new Error(`no ${pattern} within ${START_MS} ms:\n${this.output}`)),
                START_MS,
            );
            this.waiters.add(check);
            check();
        });
    }

    signal(name) {
        this.process.kill(name);
    }

    async stop(name = 'SIGTERM') {
        if (this.process.exitCode === null && this.process.signalCode === null) this.signal(name);
        return this.exited;
    }
}

/** Redis in a temporary folder: { address, child, kill(), start(), stop() }; it keeps no data. */
export async function startRedis() {
    const folder = await mkdtemp(path.join(tmpdir(), 'confab-e2e-'));
    const socket = path.join(folder, 'redis.sock');
    const args = [
        '--port',
        '0',
        '--unixsocket',
        socket,
        '--dir',
        folder,
        '--save',
        '',
        '--appendonly',
        'no',
    ];
    const redis = {
        address: `unix:${socket}`,
        child: /** @type {Child} */ (/** @type {unknown} */ (null)),
        async start() {
            redis.child = new Child('redis-server', args);
            await redis.child.line(/ready to accept connections/i);
        },
        kill: () => redis.child.stop('SIGKILL'),
        async stop() {
            redis.child.signal('SIGCONT');
            await redis.kill();
            await rm(folder, { recursive: true, force: true });
        },
    };
    await redis.start();
    return redis;
}

/** One instance: { port, url, ws, child, kill(), stop() }. With a test `t` it ends with that. */
export async function startConfab(redis, { t, port = 0, env = {} } = {}) {
    const child = new Child(CONFAB, [], {
        cwd: path.dirname(redis.address.slice('unix:'.length)), // no .env file of somebody
        env: {
            PATH: process.env.PATH,
            ASAN_OPTIONS: process.env.ASAN_OPTIONS ?? '',
            TSAN_OPTIONS: process.env.TSAN_OPTIONS ?? '',
            PUBLIC_DIR: process.env.PUBLIC_DIR ?? '', // none: the page that was built in
            BIND: '127.0.0.1',
            SERVER_PORT: String(port),
            REDIS_ADDR: redis.address,
            DRAIN_SECONDS: '1',
            ...env,
        },
    });
    t?.after(() => child.stop('SIGKILL'));
    const [, listening] = await child.line(/event=listening.* port=(\d+)/);
    await child.line(/event=store\b.* state=ready/);
    const taken = Number(listening);
    return {
        port: taken,
        url: `http://127.0.0.1:${taken}/`,
        ws: `ws://127.0.0.1:${taken}/ws`,
        child,
        kill: () => child.stop('SIGKILL'),
        stop: () => child.stop('SIGTERM'),
    };
}

/**
 * A TCP proxy in front of a port. deafen() makes the connections it has now swallow what the
 * server says; cut() breaks them. New connections work.
 */
export async function startProxy(t, port) {
    const links = new Set();
    const server = net.createServer((client) => {
        const upstream = net.connect(port, '127.0.0.1');
        const link = { client, upstream, deaf: false };
        links.add(link);
        client.on('data', (data) => upstream.write(data));
        upstream.on('data', (data) => link.deaf || client.write(data));
        for (const [from, to] of [
            [client, upstream],
            [upstream, client],
        ]) {
            from.on('error', () => {});
            from.on('close', () => {
                links.delete(link);
                to.destroy();
            });
        }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const cut = () => links.forEach((link) => link.client.destroy());
    t.after(() => {
        cut();
        server.close();
    });
    return {
        port: server.address().port,
        deafen: () => links.forEach((link) => (link.deaf = true)),
        cut,
    };
}

/** Waits until probe() is true; events of `emitter` are when it looks. */
export function until(emitter, names, probe, what, ms = START_MS) {
    return new Promise((resolve, reject) => {
        const offs = names.map((name) => emitter.on(name, () => look()));
        const end = (settle, value) => {
            clearTimeout(timer);
            offs.forEach((off) => off());
            settle(value);
        };
        const look = () => probe() && end(resolve, undefined);
        const timer = setTimeout(() => end(reject, new Error(`not within ${ms} ms: ${what}`)), ms);
        look();
    });
}
