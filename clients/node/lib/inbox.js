/** Receives callbacks: an HTTP server on loopback, with an inbox for each account. */

import { createServer } from 'node:http';

import { FotapoolError } from './control.js';

const MAX_CALLBACKS = 10_000;
const MAX_BODY_BYTES = 16 * 1024 * 1024;
const WAIT_MS = 30_000;
// Kept from before a test replaces them, as fake timers do.
const { setTimeout, clearTimeout } = globalThis;

class Inbox {
  #callbacks = [];
  #answers = [];
  #waiting = new Set();

  constructor(url) {
    this.url = url;
    this.status = 200;
  }

  /** Stores the callback; returns the status of the response. */
  add(callback) {
    this.#callbacks.push(callback);
    this.#callbacks.splice(0, this.#callbacks.length - MAX_CALLBACKS);
    for (const check of [...this.#waiting]) check();
    return this.#answers.shift() ?? this.status;
  }

  answers(statuses) {
    this.#answers = [...statuses];
  }

  all({ type, where = () => true } = {}) {
    return this.#callbacks.filter((one) => (type === undefined || one.type === type) && where(one));
  }

  clear() {
    this.#callbacks = [];
  }

  waitFor(count = 1, { type, where, timeout = WAIT_MS } = {}) {
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = this.all({ type, where });
        if (found.length < count) return;
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        const wanted = `${count} callback${count === 1 ? '' : 's'}${type === undefined ? '' : ` of type ${type}`}`;
        const arrived = this.#callbacks.map((one) => `${one.type} (v${one.version})`).join(', ') || 'none';
        const found = this.all({ type, where }).length;
        reject(
          new FotapoolError(`expected ${wanted} within ${timeout} ms; ${found} arrived. All received: ${arrived}`),
        );
      }, timeout);
      this.#waiting.add(check);
      check();
    });
  }
}

/** The HTTP server. Each account has its own path. */
export class Receiver {
  #inboxes = new Map();
  #server;
  #url;

  static async start() {
    const receiver = new Receiver();
    receiver.#server = createServer((request, response) => receiver.#receive(request, response));
    await new Promise((resolve, reject) => {
      receiver.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    receiver.#server.unref();
    receiver.#url = `http://127.0.0.1:${receiver.#server.address().port}`;
    return receiver;
  }

  inbox(account) {
    if (!this.#inboxes.has(account)) this.#inboxes.set(account, new Inbox(`${this.#url}/${account}`));
    return this.#inboxes.get(account);
  }

  stop() {
    return new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  #receive(request, response) {
    const [, account, version] = /^\/([^/]+)\/v(\d)$/.exec(request.url) ?? [];
    const inbox = this.#inboxes.get(account);
    const parts = [];
    let size = 0;
    request.on('error', () => {});
    request.on('data', (part) => {
      size += part.length;
      if (size > MAX_BODY_BYTES) request.destroy();
      else parts.push(part);
    });
    request.on('end', () => {
      response.statusCode = inbox ? answer(inbox, Number(version), request.headers, Buffer.concat(parts)) : 404;
      response.end();
    });
  }
}

function answer(inbox, version, headers, bytes) {
  let body;
  try {
    body = JSON.parse(bytes.toString('utf8'));
  } catch {
    return 400;
  }
  const type = body.type ?? '';
  return inbox.add({ version, type, body, content: body[type], headers });
}
