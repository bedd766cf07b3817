/** Options of `start`. */
export interface StartOptions {
  /** The command, or the command and its first arguments, as in `['python3', '-m', 'fotapool.cli']`. Default: `fotapool`. */
  command?: string | readonly string[];
  /** More options of `fotapool emulate`. */
  args?: readonly string[];
  /** Path of a seed document, or `demo`. Default: an empty database. */
  seed?: string;
  /** Default: a free port. */
  port?: number;
  /** Default: `operator`. */
  operatorKey?: string;
  /** Milliseconds until the emulator must be ready. Default: 60,000. */
  timeout?: number;
}

/** Starts `fotapool emulate` and waits until it is ready. Rejects with FotapoolError, whose message and `stderr` have its error output. */
export function start(options?: StartOptions): Promise<Server>;

/** Uses an emulator that runs already, such as a service container. Rejects with FotapoolError if it is none. */
export function connect(address: string, options?: { operatorKey?: string }): Promise<Server>;

export class FotapoolError extends Error {
  /** The status of a response that was not a success. */
  status?: number;
  /** Its JSON. */
  answer?: any;
  /** The error output of an emulator that did not start. */
  stderr?: string;
}

/** An emulator. */
export interface Server {
  /** Base address, as in `http://127.0.0.1:41233`. */
  readonly address: string;
  /** The id of its process; undefined if `start` did not start it. */
  readonly pid: number | undefined;
  /** Creates an account that no other test uses, with a client, a user and devices of its own. */
  account(options?: AccountOptions): Promise<Account>;
  /** Advances the clock of all accounts, as by "3 days", "90 minutes" or "PT1H30M". Resolves when the callbacks that were due are delivered. */
  advance(duration: string): Promise<ClockEvent[]>;
  /** The clock's time. */
  now(): Promise<Date>;
  /** The JSON of a successful request to the operator API; `path` is below /control/v1. Rejects with FotapoolError. */
  control(method: string, path: string, body?: unknown): Promise<any>;
  /** Stops the receiver of callbacks, and the emulator if `start` started it: with SIGKILL after `timeout` milliseconds. Default: 10,000. */
  stop(options?: { timeout?: number }): Promise<void>;
}

export interface AccountOptions {
  /** Default: 10. */
  licenses?: number;
  /** A number of devices, or devices as in a seed document. Default: 10. */
  devices?: number | readonly Device[];
  /** How many of the devices, from the first on, hold a license; only if `devices` is a number. Default: 0. */
  licensed?: number;
  /** Default: `Verizon`. */
  make?: string;
  /** Default: `Model-A`. */
  model?: string;
  /** Default: `1`. */
  firmware?: string;
  /** Default: `LWM2M`. */
  protocol?: string;
  /** Default: `TS-HFOTA-MRC`. */
  purchaseType?: string;
  /** Firmware packages, as in a seed document. All accounts share them, so their names must be unique. */
  packages?: readonly object[];
  /** Simulates the devices: members of a fleet in a seed document, without `first` and `count`. Default: not simulated. */
  fleet?: object;
}

export interface Device {
  deviceId: string;
  licensed?: boolean;
  [member: string]: unknown;
}

export interface Account {
  /** As in `0000000001-00001`. */
  readonly name: string;
  /** Base address of the server. */
  readonly address: string;
  /** Key and secret of the OAuth client. */
  readonly key: string;
  readonly secret: string;
  /** Name and password for the session. */
  readonly user: string;
  readonly password: string;
  /** The IMEIs, in the order of their import. */
  readonly devices: string[];
  /** The headers of a signed-in request. */
  headers(): Promise<{ Authorization: string; 'VZ-M2M-Token': string }>;
  /** The JSON of a successful, signed-in request; `path` is below /api/fota. Rejects with FotapoolError. */
  call(method: string, path: string, body?: unknown): Promise<any>;
  /** As `advance` of the server. */
  advance(duration: string): Promise<ClockEvent[]>;
  /** Registers a receiver on loopback as the account's listener of these versions, and returns its inbox. Default: `[3]`. */
  inbox(options?: { versions?: readonly (1 | 2 | 3)[] }): Promise<Inbox>;
}

/** What was due while the clock was moved. */
export interface ClockEvent {
  time: string;
  what: string;
  /** Number of devices; `devices` are the first hundred. */
  count: number;
  devices: string[];
  campaign: string | null;
}

export interface Callback {
  version: number;
  /** As in `upgradeProgress`. */
  type: string;
  body: any;
  /** The member of the body that `type` names. */
  content: any;
  /** Names in lower case. */
  headers: Record<string, string | string[] | undefined>;
}

export interface Selection {
  type?: string;
  where?: (callback: Callback) => boolean;
}

/** The callbacks of an account, in the order of their arrival. */
export interface Inbox {
  readonly url: string;
  /** The status of the responses. Default: 200. */
  status: number;
  /** The statuses of the next responses, one each. */
  answers(statuses: readonly number[]): void;
  /** Those received so far. */
  all(selection?: Selection): Callback[];
  clear(): void;
  /** Waits for so many callbacks; returns all that are selected. Rejects after `timeout` milliseconds (default: 5,000) with those that arrived. */
  waitFor(count?: number, options?: Selection & { timeout?: number }): Promise<Callback[]>;
}
