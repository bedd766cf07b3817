import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { start } from 'fotapool';

import { Rollout } from '../rollout.js';

const FIRMWARE = { firmwareName: 'Example_1To2', firmwareFrom: '1', firmwareTo: '2', make: 'Verizon', model: 'Model-E' };
const PACKAGE = { firmwareName: 'Example_1To2', make: 'Verizon', model: 'Model-E', fromVersion: '1', toVersion: '2' };
const DAY_MS = 24 * 60 * 60 * 1000;
let server;

before(async () => {
  server = await start();
});

after(() => server?.stop());

test('all devices of a campaign are upgraded, and the listener hears of it', async () => {
  const account = await server.account({ devices: 3, licenses: 3, model: 'Model-E', fleet: {}, packages: [PACKAGE] });
  const inbox = await account.inbox();
  const rollout = new Rollout(account.address, account);
  await rollout.signIn();
  const tomorrow = new Date((await server.now()).getTime() + DAY_MS);

  const campaign = await rollout.start(FIRMWARE, account.devices, tomorrow, new Date(tomorrow.getTime() + DAY_MS));
  await account.advance('4 days');
  await inbox.waitFor(1, { type: 'upgradeScheduled' });

  await rollout.signIn(); // the tokens have expired meanwhile
  assert.deepEqual(Object.values(await rollout.results(campaign)), Array(3).fill('UpgradeSuccess'));
});

test('a pool that is too small is reported', async () => {
  const account = await server.account({ devices: 2, licenses: 1 });
  const rollout = new Rollout(account.address, account);
  await rollout.signIn();
  await assert.rejects(rollout.start(FIRMWARE, account.devices, new Date(), new Date()), new RegExp(account.devices[1]));
});
