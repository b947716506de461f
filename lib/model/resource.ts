/**
 * What a sender's resource attributes say, with every default of the schema (docs/schema.md,
 * "Resource attributes").
 */
import { ROLES, type Role } from '#lib/table/codes.ts';
import { TIMINGS, type WorkerInfo } from '#lib/table/worker-info.ts';
import { AFD_PREFIX } from './attributes.ts';

/** Attribute values of any type; what has the wrong type counts as absent or as invalid. */
export type ResourceAttributes = ReadonlyMap<string, unknown>;

export interface ResourceFacts {
  readonly deployment: string;
  /** Is there any afd.* attribute? */
  readonly marked: boolean;
  readonly service: string;
  readonly host: string;
  readonly hwId: string;
  /** null where `afd.role` is missing or unknown, or an attribute is invalid. */
  readonly worker: WorkerInfo | null;
  /** The key of an attribute that the schema does not allow as it is, '' where all are right. */
  readonly invalidKey: string;
  /** A text was longer than `MAX_TEXT` and was cut. */
  readonly cut: boolean;
}

/** Longest text that is kept, in UTF-16 units. */
export const MAX_TEXT = 256;
const INT32_MAX = 2 ** 31 - 1;
const SEND_ENDS = ['arrival', 'posted', 'acked'] as const;

export function readResourceFacts(attributes: ResourceAttributes): ResourceFacts {
  const reader = new AttributeReader(attributes);
  const service = reader.text('service.name');
  const host = reader.text('host.name');
  const hwId = reader.text('hw.id');
  const deployment = reader.text('afd.deployment') || reader.text('service.namespace') || 'default';
  const role = roleOf(attributes.get('afd.role'));
  const worker =
    role === null ? null : readWorker(reader, role, { deployment, service, host, hwId });
  return {
    deployment,
    marked: [...attributes.keys()].some((key) => key.startsWith(AFD_PREFIX)),
    service,
    host,
    hwId,
    worker: reader.invalidKey === '' ? worker : null,
    invalidKey: reader.invalidKey,
    cut: reader.cut,
  };
}

function readWorker(
  reader: AttributeReader,
  role: Role,
  known: Pick<WorkerInfo, 'deployment' | 'service' | 'host' | 'hwId'>,
): WorkerInfo {
  const instanceId = reader.text('service.instance.id');
  const sendEnd = reader.text('afd.send_end');
  const gpu = reader.text('hw.model');
  const said = reader.text('afd.timing');
  const timing = TIMINGS.find((name) => name === said);
  return {
    ...known,
    role,
    group: reader.text('afd.group') || role,
    rank: reader.integer('afd.rank', () => defaultRank(instanceId)),
    domain: reader.integer('afd.domain', () => 0),
    incarnation: reader.text('afd.incarnation') || instanceId,
    instanceId,
    clockDomain: reader.text('afd.clock.domain') || known.host,
    sendEnd: SEND_ENDS.find((end) => end === sendEnd) ?? 'unknown',
    sendMode: reader.text('afd.send_mode') === 'rendezvous' ? 'rendezvous' : 'unknown',
    topology: reader.text('afd.topology'),
    microbatches: reader.integer('afd.microbatches', () => 0),
    layers: reader.integer('afd.layers', () => 0),
    connector: reader.text('afd.connector'),
    model: reader.text('gen_ai.request.model'),
    ...(gpu === '' ? {} : { gpu }),
    ...(timing === undefined ? {} : { timing }),
  };
}

/**
 * The rank that an instance id tells: all of it where it is an integer, the digits behind its last
 * separator ("vllm-ffn-3"), else a stable 31-bit hash, so that workers stay apart.
 */
export function defaultRank(instanceId: string): number {
  const digits = /(?:^|[-_./:])(\d+)$/.exec(instanceId)?.[1];
  if (digits !== undefined && Number(digits) <= INT32_MAX) return Number(digits);
  if (instanceId === '') return 0;
  // FNV-1a over UTF-16 units.
  let hash = 0x811c9dc5;
  for (let i = 0; i < instanceId.length; i++) {
    hash = Math.imul(hash ^ instanceId.charCodeAt(i), 0x01000193);
  }
  return hash & INT32_MAX;
}

function roleOf(value: unknown): Role | null {
  return ROLES.find((role) => role === value) ?? null;
}

class AttributeReader {
  readonly #attributes: ResourceAttributes;
  invalidKey = '';
  cut = false;

  constructor(attributes: ResourceAttributes) {
    this.#attributes = attributes;
  }

  /** A text, '' where absent; numbers and booleans count as what they look like. */
  text(key: string): string {
    const value = this.#attributes.get(key);
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    if (typeof value !== 'string') return '';
    if (value.length <= MAX_TEXT) return value;
    this.cut = true;
    return value.slice(0, MAX_TEXT).toWellFormed();
  }

  /** An integer from 0; OTEL_RESOURCE_ATTRIBUTES can only give it as a string of digits. */
  integer(key: string, byDefault: () => number): number {
    const value = this.#attributes.get(key);
    if (value === undefined || value === null || value === '') return byDefault();
    const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;
    if (
      typeof number === 'number' &&
      Number.isInteger(number) &&
      number >= 0 &&
      number <= INT32_MAX
    ) {
      return number;
    }
    this.invalidKey = this.invalidKey || key;
    return byDefault();
  }
}
