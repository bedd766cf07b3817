/** An account for one test: its client, user and devices, signed-in requests, callbacks and the clock. */

import { FotapoolError, request, requestJson, resultOf } from './control.js';
import { toImei } from './ranges.js';

const DEFAULTS = {
  licenses: 10,
  devices: 10,
  licensed: 0,
  make: 'Verizon',
  model: 'Model-A',
  firmware: '1',
  protocol: 'LWM2M',
  purchaseType: 'TS-HFOTA-MRC',
  packages: [],
  fleet: undefined,
};
const SECRET = 'secret-of-a-test';

/** Creates the account with devices of its own, a client and a user. */
export async function createAccount(server, ranges, receiver, options) {
  const unknown = Object.keys(options).find((name) => !(name in DEFAULTS));
  if (unknown) throw new TypeError(`an account has no member ${unknown}. Known: ${Object.keys(DEFAULTS).join(', ')}`);
  const given = { ...DEFAULTS, ...options };
  if (typeof given.devices === 'number' && given.licensed > given.devices) {
    throw new TypeError(`licensed: ${given.licensed} is more than devices: ${given.devices}`);
  }
  const name = await ranges.claimName((unused) => server.control('POST', '/seed', seedOf(unused, given)));
  const devices = await importDevices(server, name, lines(given, ranges));
  if (given.fleet && devices.length) {
    const fleet = runs(devices).map((run) => ({ ...given.fleet, ...run }));
    await server.control('PUT', `/accounts/${name}/fleet`, { fleet });
  }
  if (given.packages.length) await server.control('POST', '/firmware', given.packages);
  return new Account(server, receiver, { name, devices, ...signInOf(name) });
}

function seedOf(name, { purchaseType, licenses }) {
  const { key, secret, user, password } = signInOf(name);
  return {
    accounts: [{ name, purchaseType, licenseCount: licenses }],
    clients: [{ key, secret }],
    users: [{ username: user, password, accounts: [name] }],
  };
}

function signInOf(name) {
  return { key: `${name}-key`, secret: SECRET, user: `${name}-user`, password: SECRET };
}

class Account {
  #server;
  #receiver;
  #tokens;
  #listening = new Set();

  constructor(server, receiver, members) {
    this.#server = server;
    this.#receiver = receiver;
    this.address = server.address;
    Object.assign(this, members);
  }

  async headers() {
    this.#tokens ??= this.#signIn();
    const { bearer, session } = await this.#tokens;
    return { Authorization: `Bearer ${bearer}`, 'VZ-M2M-Token': session };
  }

  async call(method, path, body) {
    const send = async () =>
      request(this.address, method, `/api/fota${path}`, { headers: await this.headers(), body });
    let response = await send();
    if (response.headers.has('X-Fotapool-Auth')) {
      // The clock was moved past the end of the tokens.
      this.#tokens = undefined;
      response = await send();
    }
    return resultOf(method, path, response);
  }

  advance(duration) {
    return this.#server.advance(duration);
  }

  async inbox({ versions = [3] } = {}) {
    const inbox = (await this.#receiver()).inbox(this.name);
    for (const version of versions) {
      if (this.#listening.has(version)) continue;
      this.#listening.add(version);
      const named = version === 1 ? { name: 'Fota', username: '', password: '' } : {};
      await this.call('POST', `/v${version}/callbacks/${this.name}`, { url: `${inbox.url}/v${version}`, ...named });
    }
    return inbox;
  }

  async #signIn() {
    const basic = Buffer.from(`${this.key}:${this.secret}`).toString('base64');
    const { access_token: bearer } = await requestJson(this.address, 'POST', '/api/ts/v1/oauth2/token', {
      headers: { Authorization: `Basic ${basic}`, 'Content-Type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=client_credentials',
    });
    const { sessionToken: session } = await requestJson(this.address, 'POST', '/api/m2m/v1/session/login', {
      headers: { Authorization: `Bearer ${bearer}` },
      body: { username: this.user, password: this.password },
    });
    return { bearer, session };
  }
}

/** The devices as in a seed document. */
function lines({ devices, licensed, make, model, firmware, protocol }, ranges) {
  if (typeof devices !== 'number') return devices;
  const common = { make, model, firmware, protocol };
  return ranges.imeis(devices).map((deviceId, place) => ({ deviceId, licensed: place < licensed, ...common }));
}

async function importDevices(server, account, devices) {
  if (devices.length === 0) return [];
  const { failed, errors } = await server.control('POST', `/accounts/${account}/devices`, devices);
  if (failed) throw new FotapoolError(`${failed} devices were not imported: ${JSON.stringify(errors.slice(0, 10))}`);
  return devices.map(({ deviceId }) => toImei(deviceId));
}

/** The runs of consecutive IMEIs, as `first` and `count` of fleets. */
function runs(devices) {
  const found = [];
  for (const number of devices.map(Number).sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && number === Number(last.first) + last.count) last.count += 1;
    else found.push({ first: toImei(number), count: 1 });
  }
  return found;
}
