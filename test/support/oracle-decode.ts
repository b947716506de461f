/**
 * What docs/schema.md says about a trace request, the plain way: protobufjs makes objects, and one
 * rule after the other looks at them. Slow and obvious; the decoder is held against it.
 */
import { stageCode } from '#lib/model/stages.ts';
import { KINDS, PHASES, ROLES, type Role, STAGES } from '#lib/table/codes.ts';
import { type EventTable, LISTS, MEASURES } from '#lib/table/event-table.ts';
import { MEASURE_KEYS } from './otlp-encode.ts';
import { TracesRequest } from './otlp-schema.ts';

export interface OracleValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values?: readonly OracleValue[] };
  readonly kvlistValue?: object;
  readonly bytesValue?: unknown;
}
interface OracleAttribute {
  readonly key?: string;
  readonly value?: OracleValue;
}
interface OracleSpan {
  readonly name?: string;
  readonly startTimeUnixNano?: string;
  readonly endTimeUnixNano?: string;
  readonly attributes?: readonly OracleAttribute[];
}
export interface OracleRequest {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly OracleAttribute[] };
    readonly scopeSpans?: readonly { readonly spans?: readonly OracleSpan[] }[];
  }[];
}

/** One stored event, in words and exact instants; comparable between decoders. */
export type OracleEvent = Readonly<Record<string, unknown>>;
export interface OracleOutcome {
  readonly received: number;
  readonly events: readonly OracleEvent[];
  readonly rejected: Readonly<Record<string, number>>;
}

const YEAR_2000_NS = 946_684_800_000_000_000n;
const HUNDRED_DAYS_NS = 8_640_000_000_000_000n;
const INT32_MAX = 2n ** 31n - 1n;
const SAFE = 2n ** 53n - 1n;

export function oracleDecode(body: Uint8Array): OracleOutcome {
  const message = TracesRequest.decode(body);
  return oracleRules(TracesRequest.toObject(message, { longs: String }) as OracleRequest);
}

export function oracleRules(request: OracleRequest): OracleOutcome {
  const events: OracleEvent[] = [];
  const rejected: Record<string, number> = {};
  let received = 0;
  const count = (deployment: string, reason: string) => {
    const key = `${deployment}:${reason}`;
    rejected[key] = (rejected[key] ?? 0) + 1;
  };
  for (const { resource, scopeSpans } of request.resourceSpans ?? []) {
    const facts = byKey(resource?.attributes ?? []);
    const marked = [...facts.keys()].some((key) => key.startsWith('afd.'));
    const deployment =
      text(facts, 'afd.deployment') || text(facts, 'service.namespace') || 'default';
    const under = marked ? deployment : '';
    for (const span of (scopeSpans ?? []).flatMap(({ spans }) => spans ?? [])) {
      received++;
      const role = facts.get('afd.role')?.stringValue;
      if (text(facts, 'service.name') === 'afdscope') count('', 'own_telemetry');
      else if (!ROLES.some((known) => known === role)) {
        const spanMarked = (span.attributes ?? []).some(({ key }) => key?.startsWith('afd.'));
        count(under, marked || spanMarked ? 'no_role' : 'not_afd');
      } else {
        const outcome = oneSpan(span, facts, role as Role, deployment);
        if (typeof outcome === 'string') count(under, outcome);
        else {
          if (outcome.clamped) count(under, 'clamped');
          events.push(outcome.event);
        }
      }
    }
  }
  return { received, events: sortedEvents(events), rejected };
}

function oneSpan(
  span: OracleSpan,
  facts: ReadonlyMap<string, OracleValue>,
  role: Role,
  deployment: string,
): string | { readonly event: OracleEvent; readonly clamped: boolean } {
  const rank = resourceInt(facts, 'afd.rank', rankOf(text(facts, 'service.instance.id')));
  const resourceDomain = resourceInt(facts, 'afd.domain', 0);
  if (rank === null || resourceDomain === null) return 'bad_attribute';
  const attributes = byKey(span.attributes ?? []);
  if (attributes.has('afd.packed')) return 'bad_packed';
  const bad: string[] = [];
  const int = (key: string, min: bigint, max: bigint) => {
    const value = attributes.get(key);
    if (value === undefined) return undefined;
    const exact = exactInt(value);
    if (exact === null || exact < min || exact > max) bad.push(key);
    return Number(exact);
  };
  const choice = (key: string, choices: readonly string[]) => {
    const value = attributes.get(key);
    if (value === undefined) return undefined;
    if (value.stringValue === undefined || !choices.includes(value.stringValue)) bad.push(key);
    return value.stringValue;
  };
  const list = (key: string, min: bigint, max: bigint) => {
    const value = attributes.get(key);
    if (value === undefined) return undefined;
    const members = (value.arrayValue?.values ?? []).map(exactInt);
    const right = members.every((member) => member !== null && member >= min && member <= max);
    if (value.arrayValue === undefined || !right) bad.push(key);
    return members.length === 0 ? undefined : members.map(Number);
  };
  const number = (key: string) => {
    const value = attributes.get(key);
    if (value === undefined) return undefined;
    const plain = value.intValue === undefined ? value.doubleValue : Number(value.intValue);
    if (plain === undefined || !(plain >= 0 && plain < Number.POSITIVE_INFINITY)) bad.push(key);
    // There is no negative zero of anything.
    return plain === undefined ? undefined : plain + 0;
  };
  const stageValue = attributes.get('afd.stage');
  if (stageValue !== undefined && stageValue.stringValue === undefined) bad.push('afd.stage');
  const stageText = (stageValue === undefined ? span.name : stageValue.stringValue) || 'unnamed';
  const code = stageCode(stageText, role);
  const kind = choice('afd.kind', KINDS);
  const measures: Record<string, number | undefined> = {};
  for (const name of MEASURES) {
    measures[name] = MEASURE_KEYS[name].startsWith('afd.experts.')
      ? number(MEASURE_KEYS[name])
      : int(MEASURE_KEYS[name], 0n, SAFE);
  }
  const start = BigInt(span.startTimeUnixNano ?? '0');
  const end = BigInt(span.endTimeUnixNano ?? '0');
  const event = {
    deployment,
    group: text(facts, 'afd.group') || role,
    rank,
    startUnixNs: start,
    durationNs: end < start ? 0 : Number(end - start),
    domain: int('afd.domain', 0n, INT32_MAX) ?? resourceDomain,
    step: int('afd.step', 0n, SAFE) ?? -1,
    layer: int('afd.layer', -1n, INT32_MAX) ?? -1,
    microbatch: int('afd.microbatch', -1n, INT32_MAX) ?? -1,
    stage: STAGES[code] ?? stageText,
    kind: kind ?? DEFAULT_KINDS[STAGES[code] ?? ''] ?? 'host',
    phase: choice('afd.phase', PHASES) ?? 'decode',
    peer: int('afd.peer', -1n, INT32_MAX) ?? -1,
    ...measures,
    peers: list('afd.peers', -1n, INT32_MAX),
    expertTokens: list('afd.expert_tokens', 0n, SAFE),
  };
  if (bad.length > 0) return 'bad_attribute';
  if (start < YEAR_2000_NS || start >= 2n ** 63n || end - start > HUNDRED_DAYS_NS)
    return 'bad_time';
  return { event: withoutUndefined(event), clamped: end < start };
}

/** The schema's table of stages, written down once more. */
const DEFAULT_KINDS: Readonly<Record<string, string>> = {
  attention: 'compute',
  gate: 'compute',
  a2f_send: 'transfer',
  a2f_recv: 'receive',
  expert: 'compute',
  shared_expert: 'compute',
  dense: 'compute',
  f2a_send: 'transfer',
  f2a_recv: 'receive',
  combine: 'compute',
  collective: 'transfer',
  sample: 'compute',
  copy: 'copy',
  host: 'host',
};

/** A table's rows in the oracle's words. */
export function tableEvents(tables: readonly EventTable[]): OracleEvent[] {
  const events = tables.flatMap((table) =>
    Array.from({ length: table.length }, (_, i) => {
      const worker = table.workers[table.worker[i]!]!;
      const event: Record<string, unknown> = {
        deployment: worker.deployment,
        group: worker.group,
        rank: worker.rank,
        startUnixNs: table.baseUnixNs + BigInt(table.startNs[i]!),
        durationNs: table.durationNs[i]!,
        domain: table.domain[i]!,
        step: table.step[i]!,
        layer: table.layer[i]!,
        microbatch: table.microbatch[i]!,
        stage: table.stageNames[table.stage[i]!]!,
        kind: KINDS[table.kind[i]!],
        phase: PHASES[table.phase[i]!],
        peer: table.peer[i]!,
      };
      for (const name of MEASURES) {
        const value = table.measures[name]?.[i] ?? -1;
        if (value !== -1) event[name] = value;
      }
      for (const name of LISTS) {
        const column = table.lists[name];
        if (column === null) continue;
        const values = [...column.values.subarray(column.offsets[i], column.offsets[i + 1])];
        if (values.length > 0) event[name] = values;
      }
      return event;
    }),
  );
  return sortedEvents(events);
}

export function flatRejects(
  rejected: ReadonlyMap<string, Readonly<Partial<Record<string, number>>>>,
): Record<string, number> {
  const flat: Record<string, number> = {};
  for (const [deployment, counts] of rejected) {
    for (const [reason, count] of Object.entries(counts)) flat[`${deployment}:${reason}`] = count!;
  }
  return flat;
}

function sortedEvents(events: readonly OracleEvent[]): OracleEvent[] {
  const keyed = events.map((event) => ({ event, key: stableKey(event) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return keyed.map(({ event }) => event);
}

function stableKey(event: OracleEvent): string {
  return JSON.stringify(Object.entries(event).sort(), (_, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}

/** The last of equal keys counts; an empty value is none. */
function byKey(attributes: readonly OracleAttribute[]): Map<string, OracleValue> {
  const map = new Map<string, OracleValue>();
  for (const { key = '', value = {} } of attributes) {
    if (Object.keys(value).length === 0) map.delete(key);
    else map.set(key, value);
  }
  return map;
}

function exactInt(value: OracleValue): bigint | null {
  if (value.intValue !== undefined) return BigInt(value.intValue);
  const double = value.doubleValue;
  return double !== undefined && Number.isInteger(double) ? BigInt(double) : null;
}

function text(facts: ReadonlyMap<string, OracleValue>, key: string): string {
  const value = facts.get(key);
  const plain =
    value?.stringValue ?? value?.intValue ?? value?.doubleValue ?? value?.boolValue ?? '';
  return String(plain);
}

/** null: there is a value, and it is no int from 0. */
function resourceInt(
  facts: ReadonlyMap<string, OracleValue>,
  key: string,
  absent: number,
): number | null {
  const value = facts.get(key);
  if (value === undefined || value.stringValue === '') return absent;
  if (value.stringValue !== undefined && !/^\d{1,10}$/.test(value.stringValue)) return null;
  const exact = value.stringValue === undefined ? exactInt(value) : BigInt(value.stringValue);
  return exact !== null && exact >= 0n && exact <= INT32_MAX ? Number(exact) : null;
}

function rankOf(instanceId: string): number {
  const digits = instanceId.split(/[-_./:]/).at(-1) ?? '';
  if (!/^\d+$/.test(digits)) return 0;
  return Number(digits);
}

function withoutUndefined(event: OracleEvent): OracleEvent {
  return Object.fromEntries(Object.entries(event).filter(([, value]) => value !== undefined));
}
