import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, mock, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { connect, FotapoolError, start } from 'fotapool';

const CLOCK = '2026-03-01T09:00:00Z';
let server;

before(async () => {
  server = await start({ args: ['--clock', CLOCK], seed: 'demo' });
});

after(() => server?.stop());

const isRunning = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Runs a program that stands for the emulator. */
const startInstead = (program, options) => start({ command: [process.execPath, '-e', program, '--'], ...options });

test('the seed and the arguments reach the emulator', async () => {
  assert.equal((await server.now()).toISOString(), '2026-03-01T09:00:00.000Z');
  assert.equal((await server.control('GET', '/accounts/0402196254-00001')).name, '0402196254-00001');
});

test('an account has what was asked for, and its sign-in works', async () => {
  const account = await server.account({ licenses: 5, devices: 4, licensed: 3, firmware: '7' });
  assert.match(account.name, /^\d{10}-\d{5}$/);
  assert.equal(account.devices.length, 4);
  const summary = await account.call('GET', `/v3/licenses/${account.name}`);
  assert.deepEqual(
    summary.deviceList.map((one) => one.deviceId),
    account.devices.slice(0, 3),
  );
  const { headers, status } = await fetch(`${account.address}/api/fota/v3/licenses/${account.name}`, {
    headers: await account.headers(),
  });
  assert.equal(status, 200);
  assert.ok(headers.has('X-Request-Id'));
});

test('accounts that are made at once share nothing', async () => {
  const other = await connect(server.address);
  const accounts = await Promise.all([server, other, other, server, other].map((one) => one.account({ devices: 2 })));
  assert.equal(new Set(accounts.map((one) => one.name)).size, 5);
  assert.equal(new Set(accounts.flatMap((one) => one.devices)).size, 10);
});

test('devices may be given as in a seed document, and simulated', async () => {
  const devices = ['990011000000003', '990011000000001', '990011000000002', '990011000000009'];
  const members = { make: 'Verizon', model: 'Model-Z', firmware: '1', protocol: 'LWM2M' };
  const account = await server.account({
    devices: devices.map((deviceId) => ({ deviceId, ...members })),
    fleet: { checkInEvery: 'PT10M' },
  });
  assert.deepEqual(account.devices, devices);
  const { fleet } = await server.control('GET', `/accounts/${account.name}/fleet`);
  assert.deepEqual(
    fleet.map((one) => [one.first, one.count]),
    [
      ['990011000000001', 3],
      ['990011000000009', 1],
    ],
  );
});

test('a wrong member is named', async () => {
  await assert.rejects(server.account({ device: 3 }), { name: 'TypeError', message: /no member device\. Known: licenses/ });
  await assert.rejects(server.account({ devices: 2, licensed: 3 }), /licensed: 3 is more than devices: 2/);
  await assert.rejects(server.account({ devices: [{ deviceId: 'x' }] }), FotapoolError);
});

test('the clock is moved by a duration in words or in ISO 8601, and calls sign in again', async () => {
  const account = await server.account();
  await account.call('GET', `/v3/licenses/${account.name}`);
  const before = await server.now();
  await account.advance('3 days');
  await account.advance('90 minutes');
  await server.advance('PT30M');
  assert.equal((await server.now()) - before, (3 * 24 + 2) * 3_600_000);
  await account.call('GET', `/v3/licenses/${account.name}`);
  for (const wrong of ['3 months', '', 'days', 3]) await assert.rejects(server.advance(wrong), TypeError);
});

test('the inbox receives callbacks of each version, and says what it misses', async () => {
  const account = await server.account({ devices: 1 });
  const inbox = await account.inbox({ versions: [1, 3] });
  assert.equal(await account.inbox(), inbox);
  inbox.answers([503]);
  const post = (version, body) => fetch(`${inbox.url}/v${version}`, { method: 'POST', body });
  assert.equal((await post(1, '{"type": "a", "a": [1]}')).status, 503);
  assert.equal((await post(3, '{"type": "b"}')).status, 200);
  assert.equal((await post(3, 'no JSON')).status, 400);
  assert.equal((await fetch(`${new URL(inbox.url).origin}/another/v3`, { method: 'POST' })).status, 404);
  const [first] = await inbox.waitFor(1, { type: 'a' });
  assert.deepEqual([first.version, first.content], [1, [1]]);
  assert.equal((await inbox.waitFor(2)).length, 2);
  await assert.rejects(inbox.waitFor(2, { type: 'b', timeout: 1 }), {
    name: 'FotapoolError',
    message: 'expected 2 callbacks of type b within 1 ms; 1 arrived. All received: a (v1), b (v3)',
  });
  inbox.clear();
  assert.deepEqual(inbox.all(), []);
});

test('a wait ends although the timers of the test are fake', async () => {
  const inbox = await (await server.account()).inbox();
  mock.timers.enable();
  try {
    await assert.rejects(inbox.waitFor(1, { timeout: 1 }), FotapoolError);
  } finally {
    mock.timers.reset();
  }
});

test('a refusal has its status and its answer', async () => {
  await assert.rejects(server.control('GET', '/accounts/nobody'), (error) => {
    assert.ok(error instanceof FotapoolError);
    assert.deepEqual([error.status, error.answer.status], [404, 404]);
    return true;
  });
});

test('an emulator that does not start is reported with its error output', async () => {
  await assert.rejects(start({ args: ['--no-such-option'] }), (error) => {
    assert.match(error.message, /^`fotapool emulate .*` did not start: it ended \(code 2\)\n/);
    assert.match(error.stderr, /No such option/);
    return true;
  });
  await assert.rejects(start({ command: 'no-such-command' }), /the command was not found; install fotapool, or give `command`/);
  await assert.rejects(startInstead('console.log("hello"); setInterval(() => {}, 1000)'), /its first line was: hello/);
  await assert.rejects(
    startInstead('console.error("stuck"); setInterval(() => {}, 1000)', { timeout: 1_000 }),
    /no address within 1000 ms/,
  );
});

test('stop ends the emulator, also one that ignores SIGTERM', async () => {
  const one = await start();
  assert.ok(isRunning(one.pid));
  await one.stop();
  assert.ok(!isRunning(one.pid));
  await one.stop();
  const program = `process.on('SIGTERM', () => {}); console.log('fotapool ready on http://x'); setInterval(() => {}, 1000)`;
  const stubborn = await startInstead(program);
  await stubborn.stop({ timeout: 100 });
  assert.ok(!isRunning(stubborn.pid));
});

test('a process that does not stop its emulator ends, and the emulator with it', async () => {
  const program = `import { start } from ${JSON.stringify(fileURLToPath(new URL('../index.js', import.meta.url)))};
    const server = await start(); await (await server.account({ devices: 1 })).inbox(); console.log(server.pid);`;
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8', timeout: 120_000 });
  assert.equal(done.status, 0, done.stderr);
  await gone(Number(done.stdout));

  const killed = spawn(process.execPath, ['--input-type=module', '-e', `${program} setInterval(() => {}, 1000);`]);
  const [pid] = await once(killed.stdout, 'data');
  killed.kill('SIGKILL');
  await gone(Number(pid));
});

test('connect refuses what is no emulator', async () => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address();
  await once(closed.close(), 'close');
  await assert.rejects(connect(`http://127.0.0.1:${port}`), /cannot be used: connect ECONNREFUSED/);
  await assert.rejects(connect(server.address, { operatorKey: 'wrong' }), /cannot be used: .*401/);
  const used = await connect(`${server.address}/`);
  await used.stop();
  assert.ok(isRunning(server.pid));
});

/** Resolves when the process has ended. The test's own deadline ends the wait. */
async function gone(pid) {
  assert.ok(pid > 0);
  while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
}
