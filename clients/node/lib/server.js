/** An emulator: one that is started as a child process, or one that runs already. */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

import { createAccount } from './account.js';
import { FotapoolError, requestJson } from './control.js';
import { toIso } from './durations.js';
import { Receiver } from './inbox.js';
import { Ranges } from './ranges.js';

export { FotapoolError };

const READY = 'fotapool ready on ';
const START_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 10_000;
const MAX_ERROR_CHARACTERS = 4000;
// Kept from before a test replaces them, as fake timers do.
const { setTimeout, clearTimeout } = globalThis;

export async function start(options = {}) {
  const { command = 'fotapool', args = [], seed, port = 0, operatorKey = 'operator', timeout = START_WITHIN_MS } = options;
  const [program, ...first] = [command].flat();
  const words = [...first, 'emulate', '--port', String(port), '--operator-key', operatorKey];
  words.push('--stop-with-parent', String(process.pid), ...(seed === undefined ? [] : ['--seed', seed]), ...args);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('FOTAPOOL_')));
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const errors = keepEnd(child.stderr);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  try {
    const address = await within(timeout, readAddress(child));
    child.stdout.destroy();
    // The server ends with this process, so neither of them keeps it running.
    child.unref();
    child.stderr.unref();
    return new Server(address, operatorKey, new Ranges(0), { child, exited });
  } catch (error) {
    await end(child, exited, 0);
    const shown = errors().trim();
    throw new FotapoolError(`\`${[program, ...words].join(' ')}\` did not start: ${error.message}\n${shown}`.trimEnd(), {
      stderr: shown,
    });
  }
}

export async function connect(address, { operatorKey = 'operator' } = {}) {
  const server = new Server(address.replace(/\/+$/, ''), operatorKey, new Ranges());
  try {
    await server.now();
  } catch (error) {
    const why = error.status === 404 ? 'it has no test clock, so it is not an emulator' : (error.cause ?? error).message;
    throw new FotapoolError(`${address} cannot be used: ${why}`);
  }
  return server;
}

class Server {
  #operatorKey;
  #ranges;
  #own;
  #receiver;

  constructor(address, operatorKey, ranges, own) {
    this.address = address;
    this.#operatorKey = operatorKey;
    this.#ranges = ranges;
    this.#own = own;
  }

  get pid() {
    return this.#own?.child.pid;
  }

  control(method, path, body) {
    const headers = { Authorization: `Bearer ${this.#operatorKey}` };
    return requestJson(this.address, method, `/control/v1${path}`, { headers, body });
  }

  account(options = {}) {
    return createAccount(this, this.#ranges, () => this.#receive(), options);
  }

  async advance(duration) {
    return (await this.control('POST', '/clock', { advance: toIso(duration) })).happened;
  }

  async now() {
    return new Date((await this.control('GET', '/clock')).now);
  }

  async stop({ timeout = STOP_WITHIN_MS } = {}) {
    await (await this.#receiver)?.stop();
    this.#receiver = undefined;
    if (this.#own) await end(this.#own.child, this.#own.exited, timeout);
  }

  #receive() {
    this.#receiver ??= Receiver.start();
    return this.#receiver;
  }
}

/** The address from the first line of output. Rejects if the process ends before it. */
async function readAddress(child) {
  const failed = new Promise((_, reject) => {
    child.once('error', (error) => {
      const isMissing = error.code === 'ENOENT';
      reject(isMissing ? new Error('the command was not found; install fotapool, or give `command`') : error);
    });
    child.once('close', (code, signal) => reject(new Error(`it ended (${signal ?? `code ${code}`})`)));
  });
  const lines = createInterface({ input: child.stdout });
  const line = new Promise((resolve) => lines.once('line', resolve));
  try {
    const text = await Promise.race([line, failed]);
    if (!text.startsWith(READY)) throw new Error(`its first line was: ${text}`);
    return text.slice(READY.length).trim();
  } finally {
    lines.close();
  }
}

async function within(milliseconds, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no address within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Ends the process, with SIGKILL if it does not stop in time. */
async function end(child, exited, milliseconds) {
  if (child.pid === undefined) return;
  child.ref();
  child.kill(milliseconds ? 'SIGTERM' : 'SIGKILL');
  const timer = setTimeout(() => child.kill('SIGKILL'), milliseconds);
  await exited;
  clearTimeout(timer);
}

/** Reads a stream to its end; returns a function that returns its last characters. */
function keepEnd(stream) {
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (part) => {
    text = (text + part).slice(-MAX_ERROR_CHARACTERS);
  });
  return () => text;
}
