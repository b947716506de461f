import { describe, expect, it } from 'vitest';
import { SPAN_ATTRIBUTES, SpanSlot } from '#lib/model/attributes.ts';
import { defaultRank, readResourceFacts } from '#lib/model/resource.ts';
import { LISTS, MEASURES } from '#lib/table/event-table.ts';

const facts = (attributes: Readonly<Record<string, unknown>>) =>
  readResourceFacts(new Map(Object.entries(attributes)));

describe('readResourceFacts', () => {
  it('fills in every default', () => {
    expect(facts({ 'afd.role': 'ffn', 'service.instance.id': 'pod-3', 'host.name': 'n1' })).toEqual(
      {
        deployment: 'default',
        marked: true,
        service: '',
        host: 'n1',
        hwId: '',
        invalidKey: '',
        cut: false,
        worker: {
          deployment: 'default',
          group: 'ffn',
          role: 'ffn',
          rank: 3,
          domain: 0,
          incarnation: 'pod-3',
          service: '',
          instanceId: 'pod-3',
          host: 'n1',
          hwId: '',
          clockDomain: 'n1',
          sendEnd: 'unknown',
          sendMode: 'unknown',
          topology: '',
          microbatches: 0,
          layers: 0,
          connector: '',
          model: '',
        },
      },
    );
  });

  it('takes what is given, integers as strings too', () => {
    const { worker } = facts({
      'afd.role': 'attention',
      'afd.group': 'A',
      'afd.rank': '12',
      'afd.domain': 2,
      'afd.incarnation': 'run-1',
      'afd.deployment': 'prod',
      'afd.send_end': 'acked',
      'afd.send_mode': 'rendezvous',
      'afd.clock.domain': 'rack-1',
      'afd.microbatches': '3',
      'afd.layers': 61,
      'gen_ai.request.model': 'm',
      'hw.model': 'NVIDIA H200',
      'afd.timing': 'cuda_graph',
      'service.namespace': 'ignored',
    });
    expect(worker).toMatchObject({
      deployment: 'prod',
      group: 'A',
      rank: 12,
      domain: 2,
      incarnation: 'run-1',
      sendEnd: 'acked',
      sendMode: 'rendezvous',
      clockDomain: 'rack-1',
      microbatches: 3,
      layers: 61,
      model: 'm',
      gpu: 'NVIDIA H200',
      timing: 'cuda_graph',
    });
  });

  it('has no worker without a role, or with an invalid integer', () => {
    expect(facts({ 'service.namespace': 'ns' })).toMatchObject({
      deployment: 'ns',
      marked: false,
      worker: null,
      invalidKey: '',
    });
    expect(facts({ 'afd.role': 'boss' })).toMatchObject({ marked: true, worker: null });
    for (const rank of ['x', -1, 1.5, 2 ** 31, '99999999999', true]) {
      const read = facts({ 'afd.role': 'ffn', 'afd.rank': rank });
      expect([rank, read.worker, read.invalidKey]).toEqual([rank, null, 'afd.rank']);
    }
  });

  it('cuts long texts and says so', () => {
    const read = facts({ 'afd.role': 'ffn', 'host.name': 'x'.repeat(300) });
    expect([read.host.length, read.cut]).toEqual([256, true]);
  });
});

describe('defaultRank', () => {
  it.each([
    ['7', 7],
    ['vllm-ffn-3', 3],
    ['pod_12', 12],
    ['a.b/4', 4],
    ['host:8', 8],
    ['', 0],
  ])('%j is %i', (id, rank) => expect(defaultRank(id)).toBe(rank));

  it('hashes other ids to stable ints that differ', () => {
    const ids = ['engine', 'worker3', '627cc493-f310-47de-96bd-71410b7dec0g', '99999999999'];
    const ranks = ids.map(defaultRank);
    expect(new Set(ranks).size).toBe(ids.length);
    for (const rank of ranks)
      expect(rank >= 0 && rank < 2 ** 31 && Number.isInteger(rank)).toBe(true);
    expect(ids.map(defaultRank)).toEqual(ranks);
  });
});

describe('SPAN_ATTRIBUTES', () => {
  it('stand where SpanSlot says', () => {
    const keys = SPAN_ATTRIBUTES.map(({ key }) => key);
    for (const name of [
      'step',
      'layer',
      'microbatch',
      'domain',
      'stage',
      'kind',
      'phase',
      'peer',
      'packed',
    ] as const) {
      expect(keys[SpanSlot[name]]).toBe(`afd.${name}`);
    }
    expect(keys).toHaveLength(SpanSlot.firstMeasure + MEASURES.length + LISTS.length);
    expect(keys[SpanSlot.firstMeasure + MEASURES.indexOf('contextTokens')]).toBe(
      'afd.context_tokens',
    );
    expect(keys[SpanSlot.firstList + LISTS.indexOf('expertTokens')]).toBe('afd.expert_tokens');
  });
});
