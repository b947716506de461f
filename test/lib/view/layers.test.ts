import { describe, expect, test } from 'vitest';
import { firstMoeEffect, lastMoeEffect, layerOutliers } from '#lib/view/layer-findings.ts';
import { partLook, stackModel } from '#lib/view/layer-stack.ts';
import { layerIndexAt, stackBoxes, stackLayout } from '#lib/view/layer-stack-layout.ts';
import { firstMoeText, lastMoeText, outlierText } from '#lib/view/layer-text.ts';
import { sampleWaits } from './sample-culprits.ts';

const waits = sampleWaits(8, 4, { oddLayer: 33 });
const stages = stackModel(waits, 'stages');
const causes = stackModel(waits, 'causes');

describe('stacks', () => {
  test('times are of one worker and step', () => {
    const entry = waits.layers.find(({ layer, role }) => layer === 10 && role === 'attention')!;
    const expected = entry.stages.reduce((sum, { totalNs }) => sum + totalNs, 0) / (20 * 8);
    expect(stages.layers[10]!.attention.totalNs).toBeCloseTo(expected, 6);
    const ffn = waits.layers.find(({ layer, role }) => layer === 10 && role === 'ffn')!;
    expect(causes.layers[10]!.ffn.totalNs).toBeCloseTo(ffn.causes.peerComputeNs / (20 * 4), 6);
  });

  test('layers without experts and transfers are dense', () => {
    expect(stages.layers.filter(({ isDense }) => isDense).map(({ layer }) => layer)).toEqual([
      0, 1, 2,
    ]);
  });

  test('parts lie in one order: what computes is next to the axis', () => {
    expect(stages.names).toEqual(['attention', 'dense', 'gate', 'expert', 'a2f_send', 'f2a_send']);
    expect(stages.layers[5]!.ffn.parts.map(({ name }) => name)).toEqual(['expert', 'f2a_send']);
    expect(causes.names).toEqual(['peerComputeNs', 'fillDrainNs']);
  });

  test('what belongs to no layer is left out; stages nobody knows come last', () => {
    const odd = {
      ...waits,
      layers: [
        { ...waits.layers[0]!, layer: -1 },
        {
          ...waits.layers[0]!,
          stages: [
            { stage: 'my_kernel', count: 1, totalNs: 5 },
            { stage: 'host', count: 1, totalNs: 5 },
          ],
        },
      ],
    };
    const model = stackModel(odd, 'stages');
    expect(model.layers.map(({ layer }) => layer)).toEqual([0]);
    expect(model.names).toEqual(['host', 'my_kernel']);
  });

  test('waits are hatched, unknown bare, stages filled', () => {
    expect(partLook('stages', 'a2f_send', 'attention', 'dark').look).toBe('filled');
    expect(partLook('causes', 'peerComputeNs', 'attention', 'dark').look).toBe('hatched');
    expect(partLook('causes', 'unknownNs', 'ffn', 'dark').look).toBe('bare');
    expect(partLook('causes', 'peerComputeNs', 'attention', 'dark').colour).not.toBe(
      partLook('causes', 'peerComputeNs', 'ffn', 'dark').colour,
    );
  });
});

describe('geometry', () => {
  const layout = stackLayout(causes, 1000, true);

  test('attention ends on the axis, FFN begins below it', () => {
    const { boxes } = stackBoxes(layout, causes.layers[10]!, 'attention');
    expect(boxes[0]!.topPx + boxes[0]!.heightPx).toBeCloseTo(layout.axisTopPx, 6);
    const ffn = stackBoxes(layout, causes.layers[10]!, 'ffn').boxes;
    expect(ffn[0]!.topPx).toBe(layout.axisTopPx + layout.axisHeightPx);
  });

  test('heights are times on one scale, on both sides', () => {
    for (const role of ['attention', 'ffn'] as const) {
      const { boxes, isCut } = stackBoxes(layout, causes.layers[10]!, role);
      const heightPx = boxes.reduce((sum, box) => sum + box.heightPx, 0);
      expect(heightPx * layout.nsPerPx).toBeCloseTo(causes.layers[10]![role].totalNs, 3);
      expect(isCut).toBe(false);
    }
  });

  test('the first MoE layer’s wait is cut, and stays inside', () => {
    const { boxes, isCut } = stackBoxes(layout, causes.layers[3]!, 'ffn');
    expect(isCut).toBe(true);
    const last = boxes.at(-1)!;
    expect(last.topPx + last.heightPx).toBeLessThanOrEqual(layout.ffnBottomPx + 1e-6);
  });

  test('every layer is found under its own middle', () => {
    for (const index of causes.layers.keys()) {
      const x = layout.barsLeftPx + (index + 0.5) * layout.barWidthPx;
      expect(layerIndexAt(layout, 61, x)).toBe(index);
    }
    expect(layerIndexAt(layout, 61, 10)).toBe(-1);
    expect(layerIndexAt(stackLayout(causes, 0, false), 61, 500)).toBe(-1);
  });
});

describe('findings', () => {
  test('the odd layer stands out on both sides, no other does', () => {
    for (const model of [stages, causes]) {
      const found = layerOutliers(model);
      expect(found.map(({ layer, role }) => `${layer} ${role}`).sort()).toEqual([
        '33 attention',
        '33 ffn',
      ]);
    }
    expect(layerOutliers(stackModel(sampleWaits(8, 4), 'stages'))).toEqual([]);
    expect(outlierText(layerOutliers(stages)[0]!, 'stages')).toMatch(
      /^FFN works 2\.\d+ ms, others 1\.\d+ ms \(\+\d+ %\), most of it expert$/,
    );
  });

  test('the first MoE layer is compared with the others, not taken for an outlier', () => {
    const effect = firstMoeEffect(causes)!;
    expect(effect).toMatchObject({ layer: 3, role: 'ffn', part: 'fillDrainNs', denseBefore: 3 });
    expect(effect.factor).toBeGreaterThan(50);
    expect(firstMoeText(effect, 'causes')).toMatch(
      /^First MoE layer, 3: FFN workers wait 2\.4\d ms a step there, \d+ times the .* Most of it: fill and drain\. 3 dense layers come before it\.$/,
    );
  });

  test('the last layer drains the pipeline: stated apart where waiting is compared', () => {
    const odd = sampleWaits(8, 4, { oddLayer: 60 });
    const waiting = stackModel(odd, 'causes');
    expect(layerOutliers(waiting)).toEqual([]);
    expect(lastMoeText(lastMoeEffect(waiting)!, 'causes')).toMatch(
      /^Last layer, 60: attention workers wait \d+ µs a step there, 2\.0 times/,
    );
    expect(layerOutliers(stackModel(odd, 'stages')).map(({ layer }) => layer)).toEqual([60, 60]);
    expect(lastMoeText(lastMoeEffect(causes)!, 'causes')).toBeNull();
  });

  test('where it costs nothing, that is said', () => {
    expect(firstMoeText(firstMoeEffect(stages)!, 'stages')).toMatch(/is like the others/);
  });

  test('too few layers to compare with', () => {
    expect(firstMoeEffect(stackModel(sampleWaits(2, 1, { layers: 6 }), 'causes'))).toBeNull();
    expect(layerOutliers(stackModel(sampleWaits(2, 1, { layers: 6 }), 'causes'))).toEqual([]);
  });
});
