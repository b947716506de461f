/** What a comparison says in words. */

/** Subject of a sentence, and whether it is many. */
const SUBJECTS: Readonly<Record<string, readonly [words: string, plural: boolean]>> = {
  attention: ['attention', false],
  gate: ['gating', false],
  a2f_send: ['A2F transfers', true],
  a2f_recv: ['A2F transfers', true],
  expert: ['experts', true],
  shared_expert: ['shared experts', true],
  dense: ['the dense FFN', false],
  f2a_send: ['F2A transfers', true],
  f2a_recv: ['F2A transfers', true],
  combine: ['combine', false],
  collective: ['collectives', true],
  sample: ['sampling', false],
  copy: ['copies', true],
  host: ['host work', false],
  gap: ['time that no event explains', false],
  pause: ['the pause between steps', false],
};

export interface ChangeWords {
  readonly stage: string;
  readonly kind: string;
  readonly layers: string;
  readonly worker: string | null;
  readonly contributionNs: number;
  readonly share: number | null;
  /** By how much one event is longer; null: its duration did not change, as far as steps show. */
  readonly durationShiftNs: number | null;
  readonly significant: boolean;
}

/** Such as "experts of layers 3-60 take 61 µs longer on ffn/2". */
export function causeWords(change: ChangeWords): string {
  const { stage, kind, layers, worker, contributionNs, durationShiftNs } = change;
  const [subject, plural] = SUBJECTS[stage] ?? [stage, false];
  const where = layersWords(layers);
  const on = worker === null ? '' : ` on ${worker}`;
  const longer = contributionNs > 0;
  if (kind === 'pause' || kind === 'gap') {
    return `${subject} is ${nsText(Math.abs(contributionNs))} ${longer ? 'longer' : 'shorter'}`;
  }
  if (kind === 'link-queue') {
    return `${subject}${where} queue ${longer ? 'longer' : 'less'} behind earlier sends${on}`;
  }
  const sameWay = durationShiftNs !== null && durationShiftNs > 0 === longer;
  if (sameWay) {
    const verb = plural ? 'take' : 'takes';
    const by = nsText(Math.abs(durationShiftNs));
    return `${subject}${where} ${verb} ${by} ${longer ? 'longer' : 'less'}${on}`;
  }
  const verb = plural ? 'are' : 'is';
  return `${subject}${where} ${verb} on the critical path for ${longer ? 'longer' : 'less time'}${on}`;
}

/** Where the path went over from one stage to another, each changed by more than the step did. */
const MAX_SHARE = 1.05;

/** A sentence of its own. */
export function changeWords(change: ChangeWords): string {
  const { contributionNs, share, significant } = change;
  const cause = causeWords(change);
  const sign = contributionNs > 0 ? '+' : '−';
  const part =
    share === null || share < 0.005 || share > MAX_SHARE
      ? ''
      : `, ${percentText(share, 0)} of the difference`;
  const doubt = significant ? '' : '; the steps do not show that it changed';
  const amount = `${sign}${nsText(Math.abs(contributionNs))} of a mean step${part}${doubt}`;
  return `${cause[0]!.toUpperCase()}${cause.slice(1)}: ${amount}.`;
}

function layersWords(layers: string): string {
  if (layers === '') return '';
  return /[-,]/.test(layers) ? ` of layers ${layers}` : ` of layer ${layers}`;
}

/** Runs of layers, ascending; those with a gap of up to `gap` layers become one. */
export function runsOf(layers: readonly number[], gap = 0): [from: number, to: number][] {
  const sorted = [...new Set(layers)].filter((layer) => layer >= 0).sort((a, b) => a - b);
  const runs: [from: number, to: number][] = [];
  for (const layer of sorted) {
    const last = runs[runs.length - 1];
    if (last !== undefined && layer - last[1] <= gap + 1) last[1] = layer;
    else runs.push([layer, layer]);
  }
  return runs;
}

/** Such as "0-2, 7". */
export function rangesText(runs: readonly (readonly [from: number, to: number])[]): string {
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}

const UNITS: readonly (readonly [above: number, unit: string])[] = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
  [0, 'ns'],
];

/** Three significant digits. */
export function nsText(ns: number): string {
  const [above, unit] = UNITS.find(([from]) => Math.abs(ns) >= from) ?? UNITS[3]!;
  const value = ns / (above === 0 ? 1 : above);
  return `${Number(value.toPrecision(3))} ${unit}`;
}

export function percentText(ratio: number, digits = 1): string {
  return `${(100 * ratio).toFixed(digits)} %`;
}

/** "+8.2 %", with a minus that is one. */
export function signedPercent(ratio: number, digits = 1): string {
  const text = percentText(Math.abs(ratio), digits);
  return `${ratio < 0 ? '−' : '+'}${text}`;
}
