/**
 * What a stage's name means: the schema's own names, and the names that engines use for them
 * (docs/schema.md, "Stages"). Some engine names mean different things on different sides.
 */
import { Kind, type Role, STAGES, Stage, type StageName } from '#lib/table/codes.ts';

/** The kind of a stage whose sender gives none. Unknown stages: `host`. */
export const DEFAULT_KIND: Readonly<Record<StageName, number>> = {
  attention: Kind.compute,
  gate: Kind.compute,
  a2f_send: Kind.transfer,
  a2f_recv: Kind.receive,
  expert: Kind.compute,
  shared_expert: Kind.compute,
  dense: Kind.compute,
  f2a_send: Kind.transfer,
  f2a_recv: Kind.receive,
  combine: Kind.compute,
  collective: Kind.transfer,
  sample: Kind.compute,
  copy: Kind.copy,
  host: Kind.host,
};

/** Names that mean the same on every side. */
const ALIASES: Readonly<Record<string, StageName>> = {
  compute_attn_output: 'attention',
  attn: 'attention',
  _forward_attn: 'attention',
  router: 'gate',
  send_attn_output: 'a2f_send',
  a2e: 'a2f_send',
  recv_attn_output: 'a2f_recv',
  compute_ffn_output: 'expert',
  compute_experts_output: 'expert',
  ffn: 'expert',
  moe: 'expert',
  mlp: 'expert',
  send_ffn_output: 'f2a_send',
  e2a: 'f2a_send',
  recv_ffn_output: 'f2a_recv',
  all_reduce: 'collective',
  all_to_all: 'collective',
};

/** Where attention and experts share GPUs, dispatch and combine are communication (DeepEP). */
const ALIASES_OF_ROLE: Readonly<Record<Role, Readonly<Record<string, StageName>>>> = {
  attention: { dispatch: 'a2f_send' },
  ffn: {},
  colocated: { dispatch: 'collective', combine: 'collective' },
  prefill: { dispatch: 'collective', combine: 'collective' },
};

/** The code of a known name, or -1: the stage is kept under its own name. */
export function stageCode(name: string, role: Role): number {
  const ofRole = ALIASES_OF_ROLE[role];
  if (Object.hasOwn(ofRole, name)) return Stage[ofRole[name]!];
  if (Object.hasOwn(Stage, name)) return Stage[name as StageName];
  if (Object.hasOwn(ALIASES, name)) return Stage[ALIASES[name]!];
  return -1;
}

/** The default `Kind` code of a stage code; unknown stages are `host`. */
export function defaultKind(stage: number): number {
  const name = STAGES[stage];
  return name === undefined ? Kind.host : DEFAULT_KIND[name];
}
