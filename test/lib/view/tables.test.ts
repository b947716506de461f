import { describe, expect, test } from 'vitest';
import type { Breakdown, BreakdownLayer } from '#lib/api/breakdown.ts';
import { REJECT_REASONS } from '#lib/table/reject-reasons.ts';
import { nextSort, parseSort, pathNs, sortedLayers, sortText } from '#lib/view/breakdown-table.ts';
import { type BarPart, barOf, observedRatio, splitParts } from '#lib/view/bubble-parts.ts';
import { connectCommand, DEFAULT_OTLP } from '#lib/view/connect-help.ts';
import { definitionText } from '#lib/view/definitions.ts';
import { droppedEvents, rejectHelp, rejectLines } from '#lib/view/reject-help.ts';
import { matchShortcut, SHORTCUTS } from '#lib/view/shortcuts.ts';
import { sampleGroup } from './sample-report.ts';

function layer(index: number, ffnNs: number | null): BreakdownLayer {
  return {
    layer: index,
    attentionNs: 10,
    a2fNs: 5,
    ffnNs,
    f2aNs: null,
    attentionWaitNs: null,
    ffnWaitNs: null,
    periodNs: null,
    count: 3,
    idealPeriodNs: null,
    bound: null,
  };
}

describe('layers table', () => {
  const layers: Breakdown['layers'] = [layer(0, 30), layer(1, null), layer(2, 50), layer(3, 30)];
  const order = (text: string) => sortedLayers(layers, parseSort(text)).map((row) => row.layer);

  test('missing values come last in both directions, ties by layer', () => {
    expect(order('ffnNs')).toEqual([0, 3, 2, 1]);
    expect(order('-ffnNs')).toEqual([2, 0, 3, 1]);
    expect(order('-layer')).toEqual([3, 2, 1, 0]);
    expect(order('nonsense')).toEqual([0, 1, 2, 3]);
  });

  test('a head shows the largest first, then turns', () => {
    const first = nextSort(parseSort(null), 'ffnNs');
    expect(sortText(first)).toBe('-ffnNs');
    expect(sortText(nextSort(first, 'ffnNs'))).toBe('ffnNs');
    expect(sortText(nextSort(first, 'layer'))).toBeNull();
    expect(parseSort(sortText(first))).toEqual(first);
  });

  test('a way through a layer adds what is known', () => {
    expect(pathNs(layer(0, 30))).toBe(45);
  });
});

describe('stacked bar', () => {
  const bubble = {
    exposedTransferNs: 300,
    waitPeerNs: 200,
    copyNs: 0,
    hostNs: 100,
    unattributedNs: 200,
  };

  test('parts add up to the active time and keep their order', () => {
    const bar = barOf({ ...sampleGroup('attention', 2, 0.6), bubble }, 'attention', 'dark');
    expect(bar).toMatchObject({ base: 'active', totalNs: 2000 });
    expect(bar.parts.map((part) => part.term)).toEqual([
      'compute',
      'exposedTransfer',
      'waitPeer',
      'host',
      'unattributed',
    ]);
    expect(bar.parts.reduce((sum, part) => sum + part.ratio, 0)).toBeCloseTo(1, 12);
    expect(bar.parts[2]).toMatchObject({ look: 'hatched', label: 'waiting for experts' });
  });

  test('steps that were not reported are no part of it', () => {
    // A tenth of the window was seen: 200 of 2000, 120 of them compute, 30 + 20 + 10 caused.
    const tenth = {
      ...sampleGroup('ffn', 2, 0.06),
      observedNs: 200,
      activeNs: 200,
      activeBubbleNs: 80,
      bubble: {
        exposedTransferNs: 30,
        waitPeerNs: 20,
        copyNs: 0,
        hostNs: 10,
        unattributedNs: 1820,
      },
    };
    const bar = barOf(tenth, 'ffn', 'dark');
    expect(bar.parts.map((part) => part.ns)).toEqual([120, 30, 20, 10, 20]);
    expect(bar.parts[0]!.ratio).toBeCloseTo(0.6);
    expect(observedRatio(tenth)).toBeCloseTo(0.1);
  });

  test('causes outside of steps make it the whole window', () => {
    const outside = { ...sampleGroup('ffn', 2, 0.6), activeNs: 1300, activeBubbleNs: 100, bubble };
    const bar = barOf(outside, 'ffn', 'dark');
    expect(bar).toMatchObject({ base: 'window', totalNs: 2000 });
    expect(bar.parts.reduce((sum, part) => sum + part.ratio, 0)).toBeCloseTo(1, 12);
  });

  test('causes stand in the place of waits and of the transfers of receives', () => {
    // 400 of 500 transfer and wait lie in receives: 250 + 150 have a cause, 100 are sends.
    const attention = sampleGroup('attention', 2, 0.6);
    const caused = {
      ...attention,
      bubble,
      causes: { ...attention.causes, peerComputeNs: 250, unknownNs: 150 },
    };
    const bar = barOf(caused, 'attention', 'dark');
    expect(bar.parts.map(({ label, ns, look, cause }) => [label, ns, look, cause])).toEqual([
      ['compute', 1200, 'filled', null],
      ['peer compute', 250, 'hatched', 'peerComputeNs'],
      ['unknown', 150, 'bare', 'unknownNs'],
      ['exposed send', 100, 'filled', null],
      ['host', 100, 'filled', null],
      ['unattributed', 200, 'bare', null],
    ]);
    expect(bar.parts.reduce((sum, part) => sum + part.ns, 0)).toBe(bar.totalNs);
    // Nothing but unknown: not split yet.
    const unsplit = { ...caused, causes: { ...attention.causes, unknownNs: 400 } };
    expect(barOf(unsplit, 'attention', 'dark').parts.map(({ term }) => term)).toContain('waitPeer');
  });

  test('small causes are added up, other small parts are not', () => {
    const part = (label: string, ratio: number, cause: BarPart['cause']): BarPart => ({
      term: 'compute',
      label,
      ns: ratio,
      ratio,
      look: 'filled',
      colour: '#000000',
      cause,
    });
    const parts = [
      part('compute', 0.9, null),
      part('fan-in', 0.003, 'fanInNs'),
      part('peer queue', 0.08, 'peerQueueNs'),
      part('unknown', 0.004, 'unknownNs'),
      part('host', 0.002, null),
      part('copy', 0.0001, null),
    ];
    const { shown, small } = splitParts(parts);
    expect(shown.map(({ label }) => label)).toEqual(['compute', 'peer queue', 'host']);
    expect(small.map(({ label }) => label)).toEqual(['fan-in', 'unknown']);
    // One alone is named.
    expect(splitParts(parts.slice(0, 3)).small).toEqual([]);
  });

  test('an empty window has no parts', () => {
    const empty = { ...sampleGroup('ffn', 1, 0.5), windowNs: 0, activeNs: 0 };
    expect(barOf(empty, 'ffn', 'dark').parts).toEqual([]);
    expect(observedRatio(empty)).toBeNull();
  });
});

describe('reasons', () => {
  test('every reason of the collector says what to do', () => {
    for (const reason of REJECT_REASONS) {
      expect(rejectHelp(reason).label, reason).not.toBe(reason);
      expect(rejectHelp(reason).remedy.length).toBeGreaterThan(20);
    }
  });

  test('most first, zeros left out, stored ones are not dropped', () => {
    const rejected = { late: 5, no_role: 7, bad_time: 0, from_the_future: 1 };
    expect(rejectLines(rejected).map((line) => line.reason)).toEqual([
      'no_role',
      'late',
      'from_the_future',
    ]);
    expect(droppedEvents(rejected)).toBe(8);
    expect(rejectHelp('constructor').label).toBe('constructor');
  });
});

describe('keyboard', () => {
  test('sequences wait for their second key', () => {
    expect(matchShortcut(['g'])).toBe('pending');
    expect(matchShortcut(['g', 'l'])).toEqual({ kind: 'go', path: '/layers' });
    expect(matchShortcut(['g', 'x'])).toBeNull();
    expect(matchShortcut([' '])).toEqual({ kind: 'pause' });
  });

  test('no shortcut hides another', () => {
    for (const shortcut of SHORTCUTS) expect(matchShortcut(shortcut.keys)).toBe(shortcut.action);
  });
});

test('the command names the real address, on one line', () => {
  const command = connectCommand('http://10.0.0.1:4318');
  expect(command).toContain('OTEL_EXPORTER_OTLP_ENDPOINT=http://10.0.0.1:4318 ');
  expect(command).not.toContain('\n');
  expect(connectCommand(null)).toContain(DEFAULT_OTLP);
});

test('definitions carry name, unit and the exact value', () => {
  expect(definitionText('busyRatio', '0.59 (ratio)')).toMatch(
    /^0\.59 \(ratio\)\nBusy \(% of active time\): 1 − bubble/,
  );
});
