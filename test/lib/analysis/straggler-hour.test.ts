/** An hour of healthy jitter, judged every few seconds as the live view does, accuses nobody. */
import { describe, expect, it } from 'vitest';
import { keyTimes } from '#lib/analysis/key-times.ts';
import { fitLoadSums } from '#lib/analysis/load-model.ts';
import { type LoadSums, loadSums } from '#lib/analysis/load-sums.ts';
import { type StageLoads, stageLoads } from '#lib/analysis/stage-loads.ts';
import { findStragglers, isSlow, type StragglerFindings } from '#lib/analysis/stragglers.ts';
import { addNanos, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { assemble } from '#lib/model/assemble.ts';
import { clusterWorkers } from '#lib/pipeline/cluster.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { PipelineSimulation } from '#lib/pipeline/simulation.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';

const BASE = unixNanos(1_767_225_600_000_000_000n);
const SECONDS = 3600;
const STEPS_A_SECOND = 3;
const KEPT_SECONDS = 30;
const JUDGED_EVERY_S = 5;

/**
 * A real second has 20 steps of 58 layers, and means over 3,480 events of a worker and stage; here they
 * are over 18, so that they scatter 14 times as much: an hour that is harder than any real one.
 */
const SPEC = scenarioSpec('healthy', { layers: 2, denseLayers: 0 });

interface Second {
  readonly fromUnixNs: UnixNanos;
  readonly loads: StageLoads;
  readonly sums: LoadSums;
}

/** A minute of seconds, each with its steps at its start. */
function minuteOf(
  simulation: PipelineSimulation,
  sink: { builder: EventTableBuilder },
  minute: number,
) {
  sink.builder = new EventTableBuilder(BASE, clusterWorkers(SPEC));
  for (let second = minute * 60; second < (minute + 1) * 60; second++) {
    simulation.skipTo(second * 1e9 + 1e6, 0);
    simulation.run(STEPS_A_SECOND);
  }
  const assembled = assemble([sink.builder.finish()], 'demo');
  const times = keyTimes(assembled);
  const shiftNs = Number(assembled.events.baseUnixNs - BASE);
  return Array.from({ length: 60 }, (_, i): Second => {
    const fromNs = (minute * 60 + i) * 1e9 - shiftNs;
    const window = { fromNs, toNs: fromNs + 1e9 };
    return {
      fromUnixNs: addNanos(BASE, fromNs + shiftNs),
      loads: stageLoads(assembled, window),
      sums: loadSums(assembled, times, { whole: window, ownFromNs: fromNs, ownToNs: fromNs + 1e9 }),
    };
  });
}

function judge(seconds: readonly Second[]): StragglerFindings {
  const model = fitLoadSums(seconds.map(({ sums }) => sums));
  const parts = seconds.map(({ loads }) => loads);
  return findStragglers(parts, model, seconds[0]!.fromUnixNs);
}

describe('an hour of healthy jitter', () => {
  it('accuses nobody, judged every five seconds', () => {
    const sink = { builder: new EventTableBuilder(BASE, clusterWorkers(SPEC)) };
    const simulation = new PipelineSimulation(SPEC, 17, { add: (row) => sink.builder.add(row) });
    let kept: Second[] = [];
    let judged = 0;
    let slow = 0;
    const accused: string[] = [];
    for (let minute = 0; minute < SECONDS / 60; minute++) {
      const fresh = minuteOf(simulation, sink, minute);
      fresh.forEach((second, i) => {
        kept = [...kept, second].slice(-KEPT_SECONDS);
        if (i % JUDGED_EVERY_S !== 0) return;
        for (const { worker, stage } of judge(kept).stragglers) accused.push(`${worker} ${stage}`);
      });
      for (const { scores } of judge(fresh).windows.series) {
        for (const score of scores.flat()) {
          if (score === null) continue;
          judged++;
          if (isSlow(score)) slow++;
        }
      }
    }
    // Twelve workers in all their stages, each second.
    expect(judged).toBeGreaterThan(SECONDS * 12);
    expect(accused).toEqual([]);
    // Even of single sub-windows, hardly any is over the threshold.
    expect(slow / judged).toBeLessThan(1e-4);
  }, 240_000);
});
