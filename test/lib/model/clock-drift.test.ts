import { expect, test } from 'vitest';
import { Random } from '#lib/base/random.ts';
import type { FitProblem } from '#lib/model/clock-constraints.ts';
import { findCorrections } from '#lib/model/clock-drift.ts';
import { LowerHull } from '#lib/model/clock-hull.ts';
import { type HullPoints, linesThatFit } from '#lib/model/clock-lines.ts';
import type { FitPair } from '#lib/model/clock-pair.ts';
import { ClockWorld, randomWorld } from '#test/support/clock-world.ts';

const MAX_DRIFT = 200e-6;

/** A message as both clocks show it. */
interface Message {
  readonly from: number;
  readonly to: number;
  readonly sentNs: number;
  readonly receivedNs: number;
}

function hullOf(points: readonly (readonly [number, number])[]): HullPoints {
  const hull = new LowerHull();
  for (const [t, v] of points) hull.add(t, v);
  return { t: hull.t.slice(0, hull.length), v: hull.v.slice(0, hull.length) };
}

function pairsOf(nodes: number, messages: readonly Message[]): FitPair[] {
  const pairs: FitPair[] = [];
  for (let left = 0; left < nodes; left++) {
    for (let right = left + 1; right < nodes; right++) {
      const up = messages.filter(({ from, to }) => from === left && to === right);
      const down = messages.filter(({ from, to }) => from === right && to === left);
      if (up.length + down.length === 0) continue;
      const limits = {
        upper: hullOf(up.map((m) => [m.sentNs, m.receivedNs - m.sentNs] as const)),
        lower: hullOf(down.map((m) => [m.receivedNs, m.receivedNs - m.sentNs] as const)),
      };
      const fit = linesThatFit(limits, MAX_DRIFT);
      if (!fit.fits) throw new Error('a pair without a line');
      pairs.push({ left, right, limits, minSlope: fit.minSlope, maxSlope: fit.maxSlope });
    }
  }
  return pairs;
}

function problemOf(nodes: number, messages: readonly Message[]): FitProblem {
  const pairs = pairsOf(nodes, messages);
  return {
    nodes,
    pairs,
    reference: 0,
    isFixed: new Uint8Array(nodes),
    fixed: new Float64Array(nodes),
    wanted: new Float64Array(nodes),
  };
}

/** Messages in a random connected graph; `gapNs` is the least time that one takes. */
function messagesIn(random: Random, world: ClockWorld, gapNs: number): Message[] {
  const nodes = world.clocks.length;
  const messages: Message[] = [];
  for (let link = 0; link < nodes * 3; link++) {
    const a = link < nodes - 1 ? link + 1 : random.below(nodes);
    const b = link < nodes - 1 ? random.below(link + 1) : random.below(nodes);
    if (a === b) continue;
    for (let i = 0; i < 40; i++) {
      const sentNs = (random.uniform() - 0.5) * 20e9;
      const [from, to] = i % 2 === 0 ? [a, b] : [b, a];
      const receivedNs = sentNs + gapNs - Math.log(1 - random.uniform()) * 30_000;
      messages.push({
        from,
        to,
        sentNs: world.reading(from, sentNs),
        receivedNs: world.reading(to, receivedNs),
      });
    }
  }
  return messages;
}

test('every single message is in order after the corrections', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed);
    const nodes = 2 + random.below(9);
    const names = Array.from({ length: nodes }, (_, i) => `host-${i}`);
    // Offsets are small here: who calls has moved the clocks close to each other.
    const world = randomWorld(random, names, 200_000, 50);
    const gapNs = [0.1, 20, 100_000][seed % 3]!;
    const messages = messagesIn(random, world, gapNs);
    const found = findCorrections(problemOf(nodes, messages));
    expect(found.ok).toBe(true);
    if (!found.ok) continue;
    const corrected = (node: number, ns: number): number =>
      ns + found.offset[node]! + found.drift[node]! * ns;
    for (const { from, to, sentNs, receivedNs } of messages) {
      expect(corrected(to, receivedNs) - corrected(from, sentNs)).toBeGreaterThan(-0.01);
    }
  }
});

test('a cycle that no drift mends is reported, with the clocks in it', () => {
  // Each link alone allows a difference of 1 ms, but round the triangle they add up to 3 ms.
  const instants = [-9e9, 0, 9e9];
  const messages = [0, 1, 2].flatMap((from) => {
    const to = (from + 1) % 3;
    return instants.flatMap((t) => [
      { from, to, sentNs: t, receivedNs: t - 1e6 },
      { from: to, to: from, sentNs: t, receivedNs: t + 1.1e6 },
    ]);
  });
  const found = findCorrections(problemOf(3, messages));
  expect(found.ok).toBe(false);
  if (found.ok) return;
  expect(found.nodes).toEqual([0, 1, 2]);
  expect(found.depthNs).toBeGreaterThan(2.9e6);
});

test('fixed clocks keep their correction; the others go round them', () => {
  const random = new Random(3);
  const world = new ClockWorld([
    { name: 'a', offsetNs: 0, driftPpm: 0 },
    { name: 'b', offsetNs: 30_000, driftPpm: 0 },
    { name: 'c', offsetNs: 50_000, driftPpm: 20 },
  ]);
  const messages = messagesIn(random, world, 100_000);
  const problem = problemOf(3, messages);
  problem.isFixed[1] = 1;
  const found = findCorrections(problem);
  expect(found.ok && found.offset[1]).toBe(0);
  expect(found.ok && found.drift[1]).toBe(0);
  expect(found.ok && Math.abs(found.drift[2]! * 1e6 + 20)).toBeLessThan(10);
});
