/**
 * Two windows side by side: what stands beside what, what differs, and what made steps longer.
 *
 *     assembled A ─ compare-side ┐                ┌ compare-headline, compare-cells
 *          compare-align ────────┼─ by step ──────┼ compare-changes (critical path)
 *     assembled B ─ compare-side ┘                └ compare-verdict
 *
 * Each figure's samples are steps (compare-steps.ts); each is tested as compare-contrast.ts says.
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { selectWindow, type WindowNs } from '#lib/model/select-window.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { type Alignment, alignGroups } from './compare-align.ts';
import { compareCells } from './compare-cells.ts';
import { changesBetween } from './compare-changes.ts';
import { MIN_STEPS } from './compare-contrast.ts';
import { designEffect } from './compare-correlation.ts';
import { headlineOf } from './compare-headline.ts';
import { type CompareSideSamples, sideSamples } from './compare-side.ts';
import { MAX_SAMPLED_STEPS } from './compare-steps.ts';
import type { ComparedSide, Comparison } from './compare-types.ts';
import { verdictOf } from './compare-verdict.ts';
import { rangesText, runsOf } from './compare-words.ts';

export interface CompareInput {
  readonly assembled: Assembled;
  readonly window: WindowNs;
}

export function compareWindows(a: CompareInput, b: CompareInput): Comparison {
  const workersA = selectWindow(a.assembled, a.window).events.workers;
  const workersB = selectWindow(b.assembled, b.window).events.workers;
  const alignment = alignGroups(workersA, workersB);
  const sideA = sideSamples(a.assembled, a.window, alignment, 'a');
  const sideB = sideSamples(b.assembled, b.window, alignment, 'b');
  const headline = headlineOf(sideA, sideB);
  const { changes, explained } = changesBetween(sideA, sideB);
  const { cells, hidden } = compareCells(sideA, sideB);
  return {
    a: sideOf(sideA, workersA),
    b: sideOf(sideB, workersB),
    verdict: verdictOf(headline, changes, shapeChanges(sideA, sideB)),
    headline,
    changes,
    explained,
    cells,
    latency: { a: ascending(sideA.latencyNs), b: ascending(sideB.latencyNs) },
    alignment: {
      groups: alignment.groups,
      byRole: alignment.byRole,
      onlyA: onlyIn(sideA, sideB, alignment, 'a'),
      onlyB: onlyIn(sideB, sideA, alignment, 'b'),
    },
    notes: notesOf(sideA, sideB, alignment, hidden),
  };
}

function sideOf(side: CompareSideSamples, workers: readonly WorkerInfo[]): ComparedSide {
  const { gpus, microbatches, layers, steps, sampledSteps, events, stepNs } = side;
  return {
    topology: topologyOf(workers),
    gpus,
    microbatches,
    layers: layers.length,
    steps,
    sampledSteps,
    events,
    correlatedSteps: sampledSteps < MIN_STEPS ? null : designEffect(stepNs, []),
  };
}

/** What is built differently, in words. */
function shapeChanges(a: CompareSideSamples, b: CompareSideSamples): string[] {
  const counts: readonly [number, number, string][] = [
    [a.gpus, b.gpus, 'GPUs'],
    [a.microbatches, b.microbatches, 'micro-batches'],
    [a.layers.length, b.layers.length, 'layers'],
  ];
  return counts.flatMap(([ofA, ofB, what]) =>
    ofA === ofB ? [] : [`${ofB} ${what} instead of ${ofA}`],
  );
}

/** Such as "48A16F", "8 colocated". */
function topologyOf(workers: readonly WorkerInfo[]): string {
  const count = (role: string): number => workers.filter((worker) => worker.role === role).length;
  const attention = count('attention');
  const ffn = count('ffn');
  const parts = attention + ffn > 0 ? [`${attention}A${ffn}F`] : [];
  for (const role of ['colocated', 'prefill']) {
    if (count(role) > 0) parts.push(`${count(role)} ${role}`);
  }
  return parts.length === 0 ? 'no workers' : parts.join(' + ');
}

function onlyIn(
  side: CompareSideSamples,
  other: CompareSideSamples,
  alignment: Alignment,
  name: 'a' | 'b',
): string[] {
  if (side.sampledSteps === 0 || other.sampledSteps === 0) return [];
  const otherName = name === 'a' ? 'b' : 'a';
  const found: string[] = [];
  for (const row of alignment.groups) {
    if (row[otherName].length > 0) continue;
    const workers = name === 'a' ? row.workersA : row.workersB;
    found.push(
      `group ${row.name} (${row.role}, ${workers} ${workers === 1 ? 'worker' : 'workers'})`,
    );
  }
  const stages = (one: CompareSideSamples): Set<string> =>
    new Set(
      one.durations.stages.map(({ group, stage }) => (group === '' ? stage : `${group} ${stage}`)),
    );
  const missing = [...stages(side)].filter((stage) => !stages(other).has(stage));
  const unmatched = alignment.byRole
    ? missing.filter(
        (stage) =>
          !alignment.groups.some(
            (row) => row[otherName].length === 0 && stage.startsWith(`${row.name} `),
          ),
      )
    : missing;
  if (unmatched.length > 0) found.push(`stages ${unmatched.sort().join(', ')}`);
  const layers = side.layers.filter((layer) => !other.layers.includes(layer));
  if (layers.length > 0) {
    found.push(`${layers.length === 1 ? 'layer' : 'layers'} ${rangesText(runsOf(layers))}`);
  }
  const workers = side.workers.filter((worker) => !other.workers.includes(worker));
  const inRows = workers.filter((worker) =>
    alignment.groups.some((row) => row[otherName].length > 0 && worker.startsWith(`${row.name}/`)),
  );
  if (inRows.length > 0) {
    const some = inRows.slice(0, 3).join(', ');
    found.push(
      inRows.length <= 3 ? `workers ${some}` : `${inRows.length} workers, such as ${some}`,
    );
  }
  return found;
}

function notesOf(
  a: CompareSideSamples,
  b: CompareSideSamples,
  alignment: Alignment,
  hiddenCells: number,
): string[] {
  const notes = [
    'One step is one sample: the events of a step wait for each other, so many of them say no more about the next step than one number does.',
    'Whether the sides differ in time, load or luck of the day is not told apart: choose windows of like load.',
  ];
  for (const [name, side] of [
    ['A', a],
    ['B', b],
  ] as const) {
    if (side.sampledSteps < side.steps) {
      notes.push(
        `${name}: ${side.sampledSteps} of ${side.steps} steps were sampled, evenly spread (at most ${MAX_SAMPLED_STEPS}).`,
      );
    }
    if (side.cutSteps > 0) {
      const steps = side.cutSteps === 1 ? '1 step is' : `${side.cutSteps} steps are`;
      notes.push(`${name}: ${steps} cut at the edge of what was read, and left out.`);
    }
  }
  if (a.microbatches !== b.microbatches) {
    notes.push(
      `A has ${a.microbatches} micro-batches, B ${b.microbatches}: one event of theirs does not carry the same work.`,
    );
  }
  if (!alignment.byRole) {
    notes.push(
      'One side has attention and experts on the same GPUs: stages are compared whoever runs them, groups are not.',
    );
  }
  if (hiddenCells > 0) notes.push(`${hiddenCells} cells with the least time were left out.`);
  return notes;
}

function ascending(values: Float64Array): number[] {
  return [...values.slice().sort()];
}
