/** What must hold of every alignment, whatever the clocks: checked against the true ones. */
import { expect } from 'vitest';
import { type AlignOptions, alignClocks, type ClockAlignment } from '#lib/model/clock-alignment.ts';
import { ClockBounds, type TransferColumns } from '#lib/model/clock-bounds.ts';
import { correctionAt } from '#lib/model/clock-correction.ts';
import { countViolations } from '#lib/model/clock-violations.ts';
import { type ClockWorld, WORLD_START } from './clock-world.ts';

export function alignmentOf(columns: TransferColumns, options?: AlignOptions): ClockAlignment {
  const bounds = new ClockBounds();
  bounds.add(columns);
  return alignClocks(bounds.part(), options);
}

/** By domain: how far the applied correction is from the true one, at most, over the time given. */
export function worstErrors(
  world: ClockWorld,
  alignment: ClockAlignment,
  fromNs: number,
  toNs: number,
): Map<string, number> {
  const reference = world.indexOf(alignment.referenceDomain!);
  const worst = new Map<string, number>();
  for (const { domain, correction } of alignment.domains) {
    const clock = world.indexOf(domain);
    let most = 0;
    for (let i = 0; i <= 40; i++) {
      const rawNs = world.reading(clock, fromNs + ((toNs - fromNs) * i) / 40);
      const applied = correction === null ? 0 : correctionAt(correction, WORLD_START, rawNs);
      most = Math.max(most, Math.abs(applied - world.correctionNs(clock, reference, rawNs)));
    }
    worst.set(domain, most);
  }
  return worst;
}

export interface Expected {
  readonly fromNs: number;
  readonly toNs: number;
  /** Bounds of every domain must be at most this; absent: any. */
  readonly errorNs?: number;
}

/** Within the bounds, no effect before its cause, nothing applied without need. */
export function expectTruth(
  world: ClockWorld,
  columns: TransferColumns,
  alignment: ClockAlignment,
  { fromNs, toNs, errorNs }: Expected,
): void {
  expect(alignment.conflicts).toEqual([]);
  expect(countViolations(columns, alignment).after).toBe(0);
  const worst = worstErrors(world, alignment, fromNs, toNs);
  for (const clock of alignment.domains) {
    if (clock.errorNs === null) continue;
    expect(worst.get(clock.domain)!).toBeLessThanOrEqual(clock.errorNs + 0.1);
    expect(clock.lowNs!).toBeLessThanOrEqual(clock.offsetNs);
    expect(clock.highNs!).toBeGreaterThanOrEqual(clock.offsetNs);
    if (errorNs !== undefined) expect(clock.errorNs).toBeLessThan(errorNs);
    if (clock.correction === null) expect(clock.offsetNs).toBe(0);
  }
}
