/** Names, units and good directions of the figures that a comparison lists, in its order. */
import type { Place } from './compare-durations.ts';
import type { ComparedFigure } from './compare-types.ts';

export type FigureLook = Pick<ComparedFigure, 'name' | 'unit' | 'better'>;

const LOOKS: Readonly<Record<string, FigureLook>> = {
  stepNs: { name: 'Time per step', unit: 'ns', better: 'lower' },
  stepLatencyNs: { name: 'Step latency', unit: 'ns', better: 'lower' },
  tokensPerSecond: { name: 'Tokens per second', unit: 'perSecond', better: 'higher' },
  tokensPerSecondPerGpu: { name: 'Tokens per second and GPU', unit: 'perSecond', better: 'higher' },
  tokensPerRank: { name: 'Tokens per step and rank', unit: 'count', better: 'neither' },
  measuredPeriodNs: { name: 'Layer period', unit: 'ns', better: 'lower' },
  idealPeriodNs: { name: 'Ideal layer period', unit: 'ns', better: 'lower' },
  periodOverIdeal: { name: 'Period over ideal', unit: 'ratio', better: 'lower' },
  taEffectiveNs: { name: 'Slowest attention rank (Ea)', unit: 'ns', better: 'lower' },
  tfEffectiveNs: { name: 'Slowest FFN rank (Ef)', unit: 'ns', better: 'lower' },
  taNs: { name: 'Median attention rank (Ta)', unit: 'ns', better: 'lower' },
  tfNs: { name: 'Median FFN rank (Tf)', unit: 'ns', better: 'lower' },
  ta2fNs: { name: 'A2F transfer', unit: 'ns', better: 'lower' },
  tf2aNs: { name: 'F2A transfer', unit: 'ns', better: 'lower' },
  expertImbalance: {
    name: 'Expert tokens, busiest over mean rank',
    unit: 'ratio',
    better: 'lower',
  },
  // A slower device is busy for longer.
  busyRatio: { name: 'Busy', unit: 'ratio', better: 'neither' },
  bubbleRatio: { name: 'Bubble', unit: 'ratio', better: 'lower' },
  overlapRatio: { name: 'Transfers overlapped by compute', unit: 'ratio', better: 'higher' },
  exposedTransferNs: { name: 'Exposed transfer', unit: 'ns', better: 'lower' },
  waitPeerNs: { name: 'Waiting for peers', unit: 'ns', better: 'lower' },
  bubbleCopyNs: { name: 'Copies in the bubble', unit: 'ns', better: 'lower' },
  bubbleHostNs: { name: 'Host in the bubble', unit: 'ns', better: 'lower' },
  unattributedNs: { name: 'Unattributed bubble', unit: 'ns', better: 'lower' },
  'cause.a2fNetworkNs': { name: 'Waited: A2F network', unit: 'ns', better: 'lower' },
  'cause.fanInNs': { name: 'Waited: fan-in', unit: 'ns', better: 'lower' },
  'cause.peerQueueNs': { name: 'Waited: peer queue', unit: 'ns', better: 'lower' },
  'cause.peerComputeNs': { name: 'Waited: peer compute', unit: 'ns', better: 'lower' },
  'cause.loadExcessNs': { name: 'Waited: load excess', unit: 'ns', better: 'lower' },
  'cause.deviceExcessNs': { name: 'Waited: device excess', unit: 'ns', better: 'lower' },
  'cause.f2aNetworkNs': { name: 'Waited: F2A network', unit: 'ns', better: 'lower' },
  'cause.peerHostNs': { name: 'Waited: peer host gap', unit: 'ns', better: 'lower' },
  'cause.fillDrainNs': { name: 'Waited: fill and drain', unit: 'ns', better: 'lower' },
  'cause.unknownNs': { name: 'Waited: unknown', unit: 'ns', better: 'lower' },
};

const ORDER = Object.keys(LOOKS);

export function figureLook(id: string): FigureLook {
  return LOOKS[id] ?? { name: id, unit: 'ns', better: 'lower' };
}

export function figureOrder(id: string): number {
  const order = ORDER.indexOf(id);
  return order < 0 ? ORDER.length : order;
}

/** Of one event of a stage. */
export function stageFigureName({ stage, part }: Pick<Place, 'stage' | 'part'>): string {
  return part === 'all' ? `One ${stage}` : `One ${stage}, ${part}`;
}
