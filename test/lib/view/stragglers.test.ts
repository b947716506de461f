import { describe, expect, test } from 'vitest';
import { hangSchema } from '#lib/api/hangs.ts';
import {
  hangChain,
  hangRows,
  hangSentence,
  sortedHangs,
  workerRanges,
} from '#lib/view/hang-chain.ts';
import { loadModelTexts } from '#lib/view/load-model-text.ts';
import { lookedAt, scoreFigure, scoreModel, scoresOf } from '#lib/view/score-trend.ts';
import { stragglerRows } from '#lib/view/straggler-rows.ts';
import { ids, sampleHang, sampleStragglers } from './sample-culprits.ts';

function remedy(worker: string, load: number, device: number): string {
  return stragglerRows(sampleStragglers(8, 4, { worker, load, device }).ranking)[0]!.remedy;
}

describe('ranking', () => {
  test('long contexts are the router’s, hot experts placement’s, the rest the device’s', () => {
    expect(remedy('attention/5', 0.2, 0)).toBe('request router');
    expect(remedy('ffn/1', 0.2, 0)).toBe('expert placement');
    expect(remedy('ffn/1', 0, 0.3)).toBe('device');
    expect(remedy('attention/5', 0.1, 0.1)).toBe('request router, then device');
  });

  test('slow transfers are the network’s, whatever the excess', () => {
    const [straggler] = sampleStragglers(8, 4, { worker: 'ffn/1', load: 0, device: 0.3 }).ranking;
    const [row] = stragglerRows([{ ...straggler!, class: 'comm-slow' }]);
    expect(row).toMatchObject({ remedy: 'network', className: 'slow transfers' });
    const [mixed] = stragglerRows([{ ...straggler!, class: 'mixed' }]);
    expect(mixed!.remedyText).toMatch(/memory errors.*check the network/);
  });

  test('a report without causes: a part under a fifth is none', () => {
    const [straggler] = sampleStragglers(8, 4, {
      worker: 'attention/1',
      load: 0,
      device: 0.3,
    }).ranking;
    const { cause: _, ...bare } = straggler!;
    const of = (loadRatio: number, residualRatio: number) =>
      stragglerRows([{ ...bare, loadRatio, residualRatio }])[0]!;
    expect(of(0.01, 0.2).remedy).toBe('device');
    expect(of(0.2, 0.01).remedy).toBe('request router');
    expect(of(0.1, 0.1).remedyText).toContain('load explains 50 % of the excess');
    // A worker with less load than the others is slow all the same: no bar runs backwards.
    expect(of(-0.05, 0.2).loadRatio).toBe(0);
  });
});

describe('load model', () => {
  const side = {
    usable: true,
    basis: 'time' as const,
    fixedNs: 88_003,
    medianNs: 270_222,
    loads: [
      { measure: 'contextTokens', nsPerUnit: 0.3468, median: 525_407 },
      { measure: 'requests', nsPerUnit: 0, median: 128 },
    ],
    errorRatio: 0.038,
    spreadRatio: 0.005,
    samples: 22_272,
    steps: 16,
  };

  test('one sentence a side, without loads that cost nothing', () => {
    const bare = { ...side, usable: false, loads: [{ ...side.loads[0]!, median: null }] };
    expect(loadModelTexts({ attention: side, ffn: bare })).toEqual([
      'attention: 88.0 µs + 0.347 ns per context token (± 3.8 %)',
      'FFN: events carry no load, all excess counts as the device’s',
    ]);
    expect(loadModelTexts({ attention: { ...side, usable: false }, ffn: null })[0]).toMatch(
      /what load costs is not known/,
    );
    expect(loadModelTexts(null)).toEqual([]);
  });
});

describe('scores', () => {
  const answer = sampleStragglers(8, 4, { worker: 'ffn/2', load: 0, device: 0.2 });
  const expert = answer.trends.find(({ stage }) => stage === 'expert')!;

  test('cells from the threshold on stand out', () => {
    const model = scoreModel(expert, 'equal', answer.thresholdScore, 'ffn');
    expect(model.outliers.size).toBe(20);
    expect([...model.outliers].every((cell) => Math.floor(cell / 30) === 2)).toBe(true);
    expect(model.scaleMax).toBeGreaterThanOrEqual(6);
    expect(model.rowTotals[2]).toBeGreaterThan(4);
  });

  test('a healthy group stays in the lower part of the scale', () => {
    const calm = sampleStragglers(8, 4);
    const model = scoreModel(calm.trends[0]!, 'raw', calm.thresholdScore, 'attention');
    expect(model.scaleMax).toBe(6);
    expect(model.outliers.size).toBe(0);
  });

  test('the line of one worker and stage', () => {
    // The larger of both: the raw ones, half a deviation over those at equal load.
    expect(scoresOf(answer.trends, 'ffn/2', 'expert')).toEqual(expert.rawScore.slice(60, 90));
    expect(scoresOf(answer.trends, 'ffn/9', 'expert')).toEqual([]);
  });

  test('what was looked at, nearest first', () => {
    const looked = lookedAt(sampleStragglers(8, 4).trends);
    expect(looked.groups).toEqual([
      { group: 'attention', workers: 8 },
      { group: 'ffn', workers: 4 },
    ]);
    expect(looked).toMatchObject({ windows: 30, spanNs: 1e9 });
    expect(looked.nearest).toHaveLength(3);
    const scores = looked.nearest.map(({ score }) => score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(lookedAt([])).toEqual({ groups: [], windows: 0, spanNs: 0, nearest: [] });
  });

  test('a score has one digit and no negative zero', () => {
    expect(scoreFigure(12.34).value).toBe('12.3');
    expect(scoreFigure(-0.02).value).toBe('0.0');
    expect(scoreFigure(-1.26).value).toBe('−1.3');
    expect(scoreFigure(null).value).toBe('–');
  });
});

describe('hang', () => {
  const hang = sampleHang(8, 4, true);

  test('the chain goes from the first fault to those that wait for it, and on', () => {
    expect(hangChain(hang)).toEqual({
      levels: [['ffn/1'], ids('attention', 8), ['ffn/0', 'ffn/2', 'ffn/3']],
      outside: [],
    });
  });

  test('a chain with a cycle ends; nobody stands in it twice', () => {
    const cyclic = hangSchema.parse({
      ...hang,
      workers: hang.workers.map((row) =>
        row.worker === 'ffn/1' ? { ...row, waitsFor: ['attention/3'] } : row,
      ),
    });
    const { levels, outside } = hangChain(cyclic);
    expect([...levels.flat(), ...outside].sort()).toEqual(hang.workers.map((w) => w.worker).sort());
  });

  test('without a first fault all are outside', () => {
    const nobody = hangSchema.parse({ ...hang, worker: null, reason: 'unknown' });
    expect(hangChain(nobody)).toMatchObject({ levels: [] });
    expect(hangChain(nobody).outside).toHaveLength(12);
    expect(hangSentence(nobody)).toMatch(/no worker stands out/);
  });

  test('workers that stand at the same place share a row; each is in one', () => {
    const rows = hangRows(hang);
    expect(rows.map(({ level, workers }) => [level, workers.length])).toEqual([
      [0, 1],
      [1, 8],
      [2, 3],
    ]);
    expect(rows[1]).toMatchObject({
      last: 'step 4,711, a2f_send, layer 29, micro-batch 2',
      next: 'expert, layer 30, micro-batch 1',
      waitsFor: ['ffn/1'],
    });
    const late = hangSchema.parse({
      ...hang,
      workers: hang.workers.map((row) =>
        row.worker === 'attention/3'
          ? { ...row, last: { ...row.last, layer: 28, endUnixNs: '5' } }
          : row.worker === 'attention/4'
            ? { ...row, last: { ...row.last, endUnixNs: '7' } }
            : row,
      ),
    });
    const attention = hangRows(late).filter(({ level }) => level === 1);
    expect(attention.map(({ workers }) => workers.length).sort()).toEqual([1, 7]);
    expect(attention.find(({ workers }) => workers.length === 7)!.endedUnixNs).toEqual([
      '7',
      hang.workers[0]!.last!.endUnixNs,
    ]);
  });

  test('ranks that follow each other are one range', () => {
    expect(workerRanges(['ffn/2', 'ffn/10', 'ffn/3', 'attention/0', 'ffn/1'])).toBe(
      'attention/0, ffn/1–3, ffn/10',
    );
    expect(workerRanges(['engine'])).toBe('engine');
    expect(workerRanges([])).toBe('');
  });

  test('the sentence says what it lacks, who waits, and how long a step takes', () => {
    expect(hangSentence(hang)).toBe(
      'ffn/1 has what it needs for expert, layer 30, micro-batch 1 and produced nothing. 11 workers wait for it. A step usually takes 51.0 ms.',
    );
    expect(hangSentence({ ...hang, reason: 'no-receive', waiting: 1 })).toMatch(/1 worker waits/);
    expect(hangSentence({ ...hang, reason: 'silent' })).toMatch(/sends no events/);
  });

  test('what goes on comes first, then the newest', () => {
    const past = sampleHang(8, 4, false);
    const newer = { ...past, sinceUnixNs: String(BigInt(past.sinceUnixNs) + 5n) };
    expect(sortedHangs([past, newer, hang])).toEqual([hang, newer, past]);
  });
});
