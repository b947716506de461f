/**
 * A seeded generator of random numbers: xoshiro128** (Blackman and Vigna, 2018), its state filled
 * by splitmix32. The same seed gives the same numbers on every machine. Not for secrets.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  /** The second value of the last polar pair; NaN when used up. */
  #spareGaussian = Number.NaN;

  /** Any finite number is a seed; its low 53 integer bits count. */
  constructor(seed: number) {
    const whole = Math.abs(Math.trunc(seed));
    let state = ((whole >>> 0) ^ Math.imul(Math.trunc(whole / 2 ** 32) >>> 0, 0x9e3779b1)) >>> 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) >>> 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      return (z ^ (z >>> 16)) >>> 0;
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  /** A generator of its own for `label`: what is drawn there does not shift the numbers here. */
  fork(label: string): Random {
    let hash = 0x811c9dc5;
    for (let i = 0; i < label.length; i++) {
      hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
    }
    return new Random(((this.#a ^ hash) >>> 0) + (this.#b & 0x1fffff) * 2 ** 32);
  }

  /** An integer in [0, 2^32). */
  uint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return result;
  }

  /** A double in [0, 1) with 53 random bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6)) / 2 ** 53;
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** Normal with mean 0 and deviation 1, by Marsaglia's polar method. */
  gaussian(): number {
    if (!Number.isNaN(this.#spareGaussian)) {
      const spare = this.#spareGaussian;
      this.#spareGaussian = Number.NaN;
      return spare;
    }
    for (;;) {
      const u = 2 * this.uniform() - 1;
      const v = 2 * this.uniform() - 1;
      const square = u * u + v * v;
      if (square > 0 && square < 1) {
        const scale = Math.sqrt((-2 * Math.log(square)) / square);
        this.#spareGaussian = v * scale;
        return u * scale;
      }
    }
  }

  /**
   * Log-normal with mean 1: mostly near one, never below zero, with a tail upwards. For small
   * `sigma` its relative deviation is `sigma`; exactly 1 for 0.
   */
  lognormal(sigma: number): number {
    return sigma === 0 ? 1 : Math.exp(sigma * this.gaussian() - (sigma * sigma) / 2);
  }
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
