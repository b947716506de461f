/**
 * What the strings of a span mean, by the span's shape: spans of one shape have equal strings, so
 * their stage, kind and phase are looked up once for each role that sends them.
 */
import { ROLES } from '#lib/table/codes.ts';

/** A power of two; shapes that share a place push each other out. */
const PLACES = 2048;

export class ShapeCodes {
  readonly #keys = new Float64Array(PLACES).fill(-1);
  readonly #codes = new Int32Array(PLACES);

  /** For `stageOf`, `kindOf` and `phaseOf`; -1 where nothing is known. `role` indexes ROLES. */
  find(shape: number, role: number): number {
    const key = shape * ROLES.length + role;
    const place = key & (PLACES - 1);
    return this.#keys[place] === key ? this.#codes[place]! : -1;
  }

  keep(shape: number, role: number, codes: number): void {
    const key = shape * ROLES.length + role;
    const place = key & (PLACES - 1);
    this.#keys[place] = key;
    this.#codes[place] = codes;
  }
}

/** Stage, kind and phase as one number, never negative. */
export function codesOf(stage: number, kind: number, phase: number): number {
  return stage | (kind << 16) | (phase << 24);
}

export function stageOf(codes: number): number {
  return codes & 0xffff;
}

export function kindOf(codes: number): number {
  return (codes >> 16) & 0xff;
}

export function phaseOf(codes: number): number {
  return codes >> 24;
}
