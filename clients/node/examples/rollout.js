/** The software under test: upgrades devices with a campaign of version 3. */

export class Rollout {
  #address;
  #credentials;
  #headers = { 'Content-Type': 'application/json' };

  /** `credentials` has key, secret, user, password and the account's name. */
  constructor(address, credentials) {
    this.#address = address;
    this.#credentials = credentials;
  }

  async signIn() {
    const { key, secret, user, password } = this.#credentials;
    const basic = Buffer.from(`${key}:${secret}`).toString('base64');
    const token = await this.#send('POST', '/api/ts/v1/oauth2/token', 'grant_type=client_credentials', {
      Authorization: `Basic ${basic}`,
      'Content-Type': 'application/x-www-form-urlencoded',
    });
    this.#headers.Authorization = `Bearer ${token.access_token}`;
    const login = await this.#send('POST', '/api/m2m/v1/session/login', { username: user, password });
    this.#headers['VZ-M2M-Token'] = login.sessionToken;
  }

  /** Assigns licenses and schedules the campaign; returns its id. `first` and `last` are dates. */
  async start(firmware, devices, first, last) {
    const { name } = this.#credentials;
    const assigned = await this.#send('POST', `/api/fota/v3/licenses/${name}/assign`, { deviceList: devices });
    const refused = assigned.deviceList.find((one) => !one.status.endsWith('Success'));
    if (refused) throw new Error(`${refused.deviceId}: ${refused.resultReason}`);
    const [startDate, endDate] = [first, last].map((date) => date.toISOString().slice(0, 10));
    const campaign = { ...firmware, startDate, endDate, deviceList: devices };
    return (await this.#send('POST', `/api/fota/v3/campaigns/firmware/${name}`, campaign)).id;
  }

  /** The status of each device, by IMEI. */
  async results(campaign) {
    const { name } = this.#credentials;
    const report = await this.#send('GET', `/api/fota/v3/reports/${name}/campaigns/${campaign}/devices`);
    return Object.fromEntries(report.deviceList.map((one) => [one.deviceId, one.status]));
  }

  async #send(method, path, body, headers = this.#headers) {
    const text = typeof body === 'object' ? JSON.stringify(body) : body;
    const response = await fetch(this.#address + path, { method, headers, body: text });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }
}
