/** The pipeline's definitions in the most naive way; see oracle.ts. */
import {
  endsIn,
  type OracleEvent,
  type OracleReceive,
  type OracleWindow,
  oracleMedian,
  oracleQuantiles,
  slotsOf,
  transferStart,
} from './oracle.ts';

const ROLE_SEND: Record<string, string> = { attention: 'a2f_send', ffn: 'f2a_send' };

interface OracleKey {
  readonly domain: number;
  readonly step: number;
  readonly layer: number;
  readonly microbatch: number;
  readonly events: readonly OracleEvent[];
  readonly sparse: boolean;
  readonly complete: boolean;
  /** Both sides are in the step, but somebody did nothing with the key. */
  readonly partial: boolean;
  readonly inWindow: boolean;
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];
const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const isWork = (e: OracleEvent): boolean => e.kind === 'compute' || e.stage === 'collective';
const isSide = (e: OracleEvent): boolean => e.info.role === 'attention' || e.info.role === 'ffn';

/** Length of a union, counted nanosecond by nanosecond. */
function unionNs(pairs: readonly (readonly [number, number])[]): number {
  const length = Math.max(0, ...pairs.map(([, end]) => end));
  return slotsOf(pairs, length).filter((slot) => slot).length;
}

function findKeys(events: readonly OracleEvent[], w: OracleWindow): OracleKey[] {
  const text = (e: OracleEvent): string => `${e.domain} ${e.step} ${e.layer} ${e.microbatch}`;
  const traffic = ['a2f_send', 'a2f_recv', 'expert', 'f2a_send', 'f2a_recv'];
  return unique(events.filter((e) => e.step >= 0).map(text)).map((key) => {
    const own = events.filter((e) => e.step >= 0 && text(e) === key);
    const { domain, step, layer, microbatch } = own[0]!;
    const sparse =
      layer >= 0 &&
      events.some(
        (e) =>
          e.layer === layer && e.step >= 0 && (traffic.includes(e.stage) || e.kind === 'receive'),
      );
    const bothSides = ['attention', 'ffn'].every((role) =>
      events.some((e) => e.domain === domain && e.step === step && e.info.role === role),
    );
    const complete = ['attention', 'ffn'].every((role) => {
      const inStep = events.filter(
        (e) => e.domain === domain && e.step === step && e.info.role === role,
      );
      const present = unique(inStep.map((e) => e.id));
      return present.length > 0 && present.every((id) => own.some((e) => e.id === id && isWork(e)));
    });
    const start = Math.min(...own.map((e) => e.start));
    const end = Math.max(...own.map((e) => e.end));
    const inWindow = endsIn(start, end, w);
    return {
      domain,
      step,
      layer,
      microbatch,
      events: own,
      sparse,
      complete: sparse && complete,
      partial: sparse && bothSides && !complete,
      inWindow,
    };
  });
}

/** T, O and S of one worker in one key. */
function timesOf(own: readonly OracleEvent[], role: string): { t: number; o: number; s: number } {
  const work = own.filter(isWork);
  const first = Math.min(...work.map((e) => e.start));
  const send = Math.min(...own.filter((e) => e.stage === ROLE_SEND[role]).map((e) => e.start));
  const before = work.filter((e) => e.end <= send).map((e) => e.end);
  return {
    t: unionNs(work.filter((e) => e.kind === 'compute').map((e) => [e.start, e.end])),
    o: unionNs(work.map((e) => [e.start, e.end])),
    s: before.length > 0 ? Math.max(...before) - first : Math.max(0, send - first),
  };
}

function keyTimes(key: OracleKey, role: string): { t: number[]; o: number; s: number } {
  const workers = unique(
    key.events.filter((e) => e.info.role === role && isWork(e)).map((e) => e.id),
  );
  const times = workers.map((id) =>
    timesOf(
      key.events.filter((e) => e.id === id),
      role,
    ),
  );
  return {
    t: times.map((x) => x.t),
    o: Math.max(...times.map((x) => x.o)),
    s: Math.max(...times.map((x) => x.s)),
  };
}

function transferSamples(
  key: OracleKey,
  role: string,
  receives: readonly OracleReceive[],
): number[] {
  const says = (e: OracleEvent): boolean => ['arrival', 'unknown'].includes(e.info.sendEnd);
  const sends = key.events.filter(
    (e) => e.info.role === role && e.stage === ROLE_SEND[role] && e.kind === 'transfer',
  );
  const durations = sends.filter(says).map((e) => e.end - transferStart(e, receives));
  const waited = receives.filter(
    (r) =>
      r.last !== null &&
      r.last.info.role === role &&
      key.events.includes(r.events[0]!) &&
      !says(r.last) &&
      r.cut > r.start,
  );
  return [...durations, ...waited.map((r) => r.end - r.cut)];
}

function occupancy(
  keys: readonly OracleKey[],
  key: OracleKey,
  role: string,
  receives: readonly OracleReceive[],
): number | null {
  const sendsOf = (events: readonly OracleEvent[], id: string) =>
    events.filter((e) => e.id === id && e.stage === ROLE_SEND[role] && e.kind === 'transfer');
  const duration = (e: OracleEvent): number => e.end - transferStart(e, receives);
  const workers = unique(key.events.filter((e) => e.info.role === role).map((e) => e.id));
  const values: number[] = [];
  for (const id of workers) {
    const own = sendsOf(key.events, id);
    if (own.length === 0) continue;
    const all = sendsOf(
      keys.filter((k) => k.complete).flatMap((k) => k.events),
      id,
    );
    const inFlight = unionNs(all.map((e) => [transferStart(e, receives), e.end]));
    const durations = total(all.map(duration));
    const bytes = total(all.map((e) => e.bytes));
    if (durations === inFlight) values.push(total(own.map(duration)));
    else if (all.every((e) => e.bytes >= 0) && bytes > 0) {
      values.push((total(own.map((e) => e.bytes)) / bytes) * inFlight);
    } else values.push((total(own.map(duration)) / durations) * inFlight);
  }
  return values.length === 0 ? null : Math.max(...values);
}

function periodSamples(
  events: readonly OracleEvent[],
  keys: readonly OracleKey[],
  w: OracleWindow,
): { layer: number; microbatch: number; ns: number }[] {
  const samples: { layer: number; microbatch: number; ns: number }[] = [];
  const counts = ['compute', 'transfer', 'receive'];
  for (const key of keys) {
    const next = keys.find(
      (k) =>
        k.domain === key.domain &&
        k.step === key.step &&
        k.microbatch === key.microbatch &&
        k.layer === key.layer + 1,
    );
    if (next === undefined || !key.sparse || !next.sparse) continue;
    for (const id of unique(events.filter(isSide).map((e) => e.id))) {
      for (const stage of unique(events.map((e) => e.stage))) {
        const starts = (k: OracleKey): number[] =>
          k.events
            .filter((e) => e.id === id && e.stage === stage && counts.includes(e.kind))
            .map((e) => e.start);
        if (starts(key).length === 0 || starts(next).length === 0) continue;
        const from = Math.min(...starts(key));
        const to = Math.min(...starts(next));
        if (!endsIn(from, to, w)) continue;
        samples.push({ layer: key.layer, microbatch: key.microbatch, ns: to - from });
      }
    }
  }
  return samples;
}

interface Terms {
  readonly ta: number | null;
  readonly tf: number | null;
  readonly ea: number;
  readonly ef: number;
  readonly sa: number;
  readonly sf: number;
  readonly ta2f: number;
  readonly tf2a: number;
  /** In the order of the definition of C, with effective and with median times. */
  readonly effective: readonly number[];
  readonly median: readonly number[];
}

const KINDS_OF_TERMS = [
  'attention-bound',
  'ffn-bound',
  'network-bound',
  'network-bound',
  'latency-bound',
];

function bound(terms: readonly number[]): string {
  return KINDS_OF_TERMS[terms.indexOf(Math.max(...terms))]!;
}

/** Layers and balance of a report over events that are selected already. */
export function oraclePipeline(
  events: readonly OracleEvent[],
  receives: readonly OracleReceive[],
  w: OracleWindow,
  microbatches: number,
): { layers: object[]; counts: object; balance: object | null } {
  const keys = findKeys(events, w);
  const m = Math.max(1, microbatches);
  const periods = periodSamples(events, keys, w);
  const termsOf = (chosen: readonly OracleKey[]): Terms | null => {
    if (chosen.length === 0) return null;
    const a = chosen.map((k) => keyTimes(k, 'attention'));
    const f = chosen.map((k) => keyTimes(k, 'ffn'));
    const median = (values: readonly number[]): number => oracleMedian(values) ?? 0;
    const link = (role: string): number =>
      median(chosen.map((k) => occupancy(keys, k, role, receives)).filter((ns) => ns !== null));
    const ta = median(a.flatMap((x) => x.t));
    const tf = median(f.flatMap((x) => x.t));
    const ea = median(a.map((x) => x.o));
    const ef = median(f.map((x) => x.o));
    const sa = median(a.map((x) => x.s));
    const sf = median(f.map((x) => x.s));
    const ta2f = median(chosen.flatMap((k) => transferSamples(k, 'attention', receives)));
    const tf2a = median(chosen.flatMap((k) => transferSamples(k, 'ffn', receives)));
    const rest = [m * link('attention'), m * link('ffn'), sa + sf + ta2f + tf2a];
    return {
      ...{ ta, tf, ea, ef, sa, sf, ta2f, tf2a },
      effective: [m * ea, m * ef, ...rest],
      median: [m * ta, m * tf, ...rest],
    };
  };
  const complete = keys.filter((k) => k.complete && k.inWindow);
  const counts = {
    completeKeys: complete.length,
    incompleteKeys: keys.filter((k) => k.partial && k.inWindow).length,
  };
  const numbers = unique([
    ...keys.filter((k) => k.layer >= 0 && k.inWindow).map((k) => k.layer),
    ...periods.map((p) => p.layer),
  ]).sort((a, b) => a - b);
  const perLayer: Terms[] = [];
  const layers = numbers.map((layer) => {
    const own = complete.filter((k) => k.layer === layer);
    const dense = keys.filter((k) => k.layer === layer && !k.sparse && k.inWindow);
    const terms = termsOf(own);
    if (terms !== null) perLayer.push(terms);
    return {
      layer,
      attentionNs: oracleQuantiles([...own, ...dense].flatMap((k) => keyTimes(k, 'attention').t)),
      a2fNs: oracleQuantiles(own.flatMap((k) => transferSamples(k, 'attention', receives))),
      ffnNs: oracleQuantiles([...own, ...dense].flatMap((k) => keyTimes(k, 'ffn').t)),
      f2aNs: oracleQuantiles(own.flatMap((k) => transferSamples(k, 'ffn', receives))),
      periodNs: oracleQuantiles(periods.filter((p) => p.layer === layer).map((p) => p.ns)),
      idealPeriodNs: terms === null ? null : Math.max(...terms.effective),
      bound: terms === null ? null : bound(terms.effective),
    };
  });
  const all = termsOf(complete);
  if (all === null) return { layers, counts, balance: null };
  const mean = (values: readonly number[]): number => total(values) / values.length;
  const idealPeriodNs = mean(perLayer.map((t) => Math.max(...t.effective)));
  const slowest = Math.max(all.ea, all.ef);
  // Parts of a steady bubble: what the other side causes, then what links, then what the way adds.
  const linkExcess = total(
    perLayer.map(({ effective: [a, f, out, back] }) =>
      Math.max(0, Math.max(out!, back!) - Math.max(a!, f!)),
    ),
  );
  const wayExcess = total(
    perLayer.map(({ effective }) =>
      Math.max(0, effective[4]! - Math.max(...effective.slice(0, 4))),
    ),
  );
  const parts = (own: number): object => {
    const bubble = idealPeriodNs === 0 ? 0 : Math.max(0, 1 - (m * own) / idealPeriodNs);
    const imbalance = Math.min(bubble, Math.max(0, (m * (slowest - own)) / idealPeriodNs));
    const both = linkExcess + wayExcess;
    const network = both === 0 ? 0 : ((bubble - imbalance) * linkExcess) / both;
    return { imbalance, network, latency: bubble - imbalance - network };
  };
  return {
    layers,
    counts,
    balance: {
      taNs: all.ta,
      tfNs: all.tf,
      taEffectiveNs: all.ea,
      tfEffectiveNs: all.ef,
      ta2fNs: all.ta2f,
      tf2aNs: all.tf2a,
      idealPeriodNs,
      measuredPeriodNs: periods.length === 0 ? null : mean(periods.map((p) => p.ns)),
      bound: bound([0, 1, 2, 3, 4].map((i) => total(perLayer.map((t) => t.effective[i]!)))),
      attentionBubble: idealPeriodNs === 0 ? 0 : Math.max(0, 1 - (m * all.ea) / idealPeriodNs),
      ffnBubble: idealPeriodNs === 0 ? 0 : Math.max(0, 1 - (m * all.ef) / idealPeriodNs),
      minMicrobatches:
        slowest === 0 ? 1 : Math.ceil((all.sa + all.sf + all.ta2f + all.tf2a) / slowest),
      imbalanceCostNs: idealPeriodNs - mean(perLayer.map((t) => Math.max(...t.median))),
      termsNs: {
        attention: mean(perLayer.map((t) => t.effective[0]!)),
        ffn: mean(perLayer.map((t) => t.effective[1]!)),
        a2fLink: mean(perLayer.map((t) => t.effective[2]!)),
        f2aLink: mean(perLayer.map((t) => t.effective[3]!)),
        latency: mean(perLayer.map((t) => t.effective[4]!)),
      },
      attentionSteadyBubble: parts(all.ea),
      ffnSteadyBubble: parts(all.ef),
    },
  };
}

/** Steps of a report over events that are selected already; `observedNs` of attention workers. */
export function oracleSteps(
  events: readonly OracleEvent[],
  w: OracleWindow,
  observedNs: readonly number[],
): object {
  const steps = unique(events.filter((e) => e.step >= 0).map((e) => `${e.domain} ${e.step}`)).map(
    (text) => {
      const own = events.filter((e) => e.step >= 0 && `${e.domain} ${e.step}` === text);
      const start = Math.min(...own.map((e) => e.start));
      return { own, start, end: Math.max(...own.map((e) => e.end)) };
    },
  );
  const ended = steps.filter((s) => endsIn(s.start, s.end, w));
  const cadences: number[] = [];
  for (const { own } of steps) {
    for (const id of unique(own.map((e) => e.id))) {
      const { domain, step } = own[0]!;
      const next = events.filter((e) => e.id === id && e.domain === domain && e.step === step + 1);
      if (next.length === 0) continue;
      const from = Math.min(...own.filter((e) => e.id === id).map((e) => e.start));
      const to = Math.min(...next.map((e) => e.start));
      if (endsIn(from, to, w)) cadences.push(to - from);
    }
  }
  const counted = (e: OracleEvent): boolean =>
    e.tokens >= 0 &&
    e.kind === 'compute' &&
    e.layer >= 0 &&
    ['attention', 'colocated'].includes(e.info.role);
  const tokens = steps.map(({ own, start, end }) => {
    const cells = unique(own.filter(counted).map((e) => `${e.id} ${e.microbatch}`));
    const all = total(
      cells.map((cell) =>
        Math.max(
          ...own
            .filter((e) => counted(e) && `${e.id} ${e.microbatch}` === cell)
            .map((e) => e.tokens),
        ),
      ),
    );
    // One share a nanosecond, cut at the window's edges.
    const before = (edge: number): number =>
      edge <= start ? 0 : edge >= end ? all : Math.floor((all * (edge - start)) / (end - start));
    return before(w.to) - before(w.from);
  });
  const known = events.some((e) => e.step >= 0 && counted(e));
  const sum = known ? total(tokens) : null;
  const seconds = total(observedNs) / observedNs.length / 1e9;
  return {
    count: ended.length,
    latencyNs: oracleQuantiles(ended.map((s) => s.end - s.start)),
    cadenceNs: oracleQuantiles(cadences),
    tokens: sum,
    tokensPerSecond: sum === null || !(seconds > 0) ? null : sum / seconds,
  };
}
