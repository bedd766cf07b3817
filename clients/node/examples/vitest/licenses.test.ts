import { expect, inject, test } from 'vitest';

import { connect } from 'fotapool';
import type { paths } from 'fotapool/api';

type Assign = paths['/api/fota/v3/licenses/{account}/assign']['post'];
type Body = Assign['requestBody']['content']['application/json'];
type Answer = Assign['responses'][200]['content']['application/json'];

const server = await connect(inject('fotapool'));

test('a license is assigned', async () => {
  const account = await server.account({ devices: 2, licenses: 1 });
  const body: Body = { deviceList: account.devices.slice(0, 1) };
  const answer: Answer = await account.call('POST', `/v3/licenses/${account.name}/assign`, body);
  expect(answer).toMatchObject({ licTotalCount: 1, licUsedCount: 1 });
});

test('a listener receives what happens to a campaign', async () => {
  const names = { firmwareName: 'Vitest_1To2', make: 'Verizon', model: 'Model-V' };
  const stored = { ...names, fromVersion: '1', toVersion: '2' };
  const account = await server.account({ devices: 1, licensed: 1, model: 'Model-V', fleet: {}, packages: [stored] });
  const inbox = await account.inbox();
  const day = async (days: number) => new Date((await server.now()).getTime() + days * 864e5).toISOString().slice(0, 10);
  await account.call('POST', `/v3/campaigns/firmware/${account.name}`, {
    ...names,
    firmwareFrom: '1',
    firmwareTo: '2',
    startDate: await day(1),
    endDate: await day(2),
    deviceList: account.devices,
  });
  await account.advance('3 days');
  const [scheduled] = await inbox.waitFor(1, { type: 'upgradeScheduled' });
  expect(scheduled?.body.accountName).toBe(account.name);
});
