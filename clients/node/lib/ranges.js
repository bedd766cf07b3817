/** Account names and IMEIs that are unique on a server, also if several processes use it. */

const BLOCKS = 10_000;
const FIRST_RANDOM_BLOCK = 1_000;
const FIRST_IMEI = 99e13;
const IMEIS_A_BLOCK = 1e9;
const MAX_TRIES = 100;

/** One block of names and IMEIs: the given one, or one that the first account of this process claims. */
export class Ranges {
  #isClaimed;
  #claiming = Promise.resolve();
  #block;
  #accounts;
  #nextImei;

  constructor(block) {
    this.#isClaimed = block !== undefined;
    this.#begin(block ?? randomBlock());
  }

  #begin(block) {
    this.#block = block;
    this.#accounts = 0;
    this.#nextImei = FIRST_IMEI + block * IMEIS_A_BLOCK;
  }

  /** Calls `create` with an unused name; returns the name. If another process uses the block, takes another one. */
  async claimName(create) {
    if (!this.#isClaimed) {
      const claimed = this.#claiming.then(() => this.#claim(create));
      this.#claiming = claimed.catch(() => {});
      return claimed;
    }
    const name = this.#accountName();
    await create(name);
    return name;
  }

  async #claim(create) {
    for (let left = MAX_TRIES; ; left -= 1) {
      const name = this.#accountName();
      try {
        await create(name);
        this.#isClaimed = true;
        return name;
      } catch (error) {
        if (error.status !== 409 || this.#isClaimed || left === 1) throw error;
        this.#begin(randomBlock());
      }
    }
  }

  /** In the vendor's format: ten digits and five. */
  #accountName() {
    this.#accounts += 1;
    return `${String(this.#block).padStart(4, '0')}${String(this.#accounts).padStart(6, '0')}-00001`;
  }

  imeis(count) {
    const first = this.#nextImei;
    this.#nextImei += count;
    return Array.from({ length: count }, (_, place) => toImei(first + place));
  }
}

export function toImei(number) {
  return String(number).padStart(15, '0');
}

function randomBlock() {
  return FIRST_RANDOM_BLOCK + Math.floor(Math.random() * (BLOCKS - FIRST_RANDOM_BLOCK));
}
