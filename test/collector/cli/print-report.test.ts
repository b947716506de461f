import { describe, expect, test } from 'vitest';
import { formatReport } from '#collector/cli/print-report.ts';
import { buildReport } from '#lib/analysis/build-report.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';

describe('clocks in the printed report', () => {
  const spec = scenarioSpec('healthy', { layers: 8, gpusPerHost: 2 });
  const printed = (clockOffset: { target: string; offsetNs: number; driftPpm?: number }[]) => {
    const table = simulateSteps(spec, { steps: 4, faults: { clockOffset } });
    return formatReport(buildReport({ events: [table], deployment: 'demo' })).split('\n');
  };

  test('a moved clock comes first, with its error and drift', () => {
    const lines = printed([{ target: 'node-2', offsetNs: -4_000_000, driftPpm: 20 }]);
    const head = lines.findIndex((line) => line.startsWith('clocks of 6 hosts'));
    expect(lines[head]).toMatch(
      /in the time of node-0: .* transfers between them, .* 0 as aligned/,
    );
    expect(lines[head]).toMatch(/; 0 conflicts$/);
    expect(lines[head + 1]).toMatch(/clock +offset +within ± +drift/);
    const moved = lines.slice(head + 2).find((line) => !line.includes('─') && /node-/.test(line));
    expect(moved).toMatch(/^node-2 +4\.00 ms +\d+.* +-2\d\.\d\d ppm$/);
  });

  test('a host whose clock contradicts itself is named', () => {
    const table = simulateSteps(spec, { steps: 8 });
    const startNs = table.startNs.map((start, row) =>
      table.workers[table.worker[row]!]!.host === 'node-3' && start > 20e6 ? start + 5e6 : start,
    );
    const report = buildReport({ events: [{ ...table, startNs }], deployment: 'demo' });
    expect(formatReport(report)).toMatch(/clock conflict: .*node-3.*, by .*: left as they are/);
  });

  test('one clock is not worth a line', () => {
    const one = simulateSteps({ ...spec, gpusPerHost: 64 }, { steps: 2 });
    const workers = one.workers.map((info) => ({ ...info, clockDomain: 'rack' }));
    const report = buildReport({ events: [{ ...one, workers }], deployment: 'demo' });
    expect(formatReport(report)).not.toContain('clock');
  });
});

describe('the critical path in the printed report', () => {
  test('says per stage and per worker where a slow rank shows', () => {
    const spec = scenarioSpec('ffn-bound', { layers: 8 });
    const faults = { slowRank: { role: 'ffn', rank: 2, factor: 1.5 } } as const;
    const events = [simulateSteps(spec, { steps: 6, faults })];
    const lines = formatReport(buildReport({ events, deployment: 'demo' })).split('\n');
    const head = lines.findIndex((line) => line.startsWith('critical path of 6 steps, '));
    expect(lines[head]).toMatch(/ ms a step: expert [5-9]\d\.\d %, .*attention \d+\.\d %/);
    expect(lines[head + 1]).toMatch(/^most of it: ffn\/2 [5-9]\d\.\d %, .*; layer \d \d+\.\d %/);
  });

  test('is left out where no step ends', () => {
    const printed = formatReport(buildReport({ events: [], deployment: 'demo' }));
    expect(printed).not.toContain('critical path');
  });
});
