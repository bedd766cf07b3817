/** Requests to the server: JSON in, JSON out. */

// Kept from before a test replaces it, as msw and vi.stubGlobal do.
const send = globalThis.fetch;
/** Says that a request is not one of the code under test. */
const USER_AGENT = 'fotapool-testing';

export class FotapoolError extends Error {
  constructor(message, members = {}) {
    super(message);
    this.name = 'FotapoolError';
    Object.assign(this, members);
  }
}

/** Status, JSON (or text) and headers of a response, whatever its status. */
export async function request(address, method, path, { headers = {}, body } = {}) {
  const response = await send(address + path, {
    method,
    headers: { 'Content-Type': 'application/json', 'User-Agent': USER_AGENT, ...headers },
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  let answer = text || null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    // an answer in plain text
  }
  return { status: response.status, answer, headers: response.headers };
}

/** As `request`; the JSON of a successful response. */
export async function requestJson(address, method, path, options) {
  return resultOf(method, path, await request(address, method, path, options));
}

/** The JSON of a response. Throws FotapoolError with `status` and `answer` if it is not a success. */
export function resultOf(method, path, { status, answer }) {
  if (status < 400) return answer;
  const detail = answer?.detail ?? (typeof answer === 'string' ? answer : JSON.stringify(answer));
  throw new FotapoolError(`${method} ${path} returned ${status}: ${detail}`, { status, answer });
}
