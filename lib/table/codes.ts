/**
 * The small integer codes of the event columns. Codes are stored in chunks: only append.
 * Which engine's name means which stage is `lib/model/stages.ts`.
 */

export const KINDS = ['compute', 'transfer', 'wait', 'receive', 'copy', 'host'] as const;
export type Kind = (typeof KINDS)[number];
export const Kind = { compute: 0, transfer: 1, wait: 2, receive: 3, copy: 4, host: 5 } as const;

export const PHASES = ['decode', 'prefill', 'mixed', 'warmup', 'capture'] as const;
export type Phase = (typeof PHASES)[number];
export const Phase = { decode: 0, prefill: 1, mixed: 2, warmup: 3, capture: 4 } as const;

/** The stages of the schema; a table's own `stageNames` starts with these, unknown ones follow. */
export const STAGES = [
  'attention',
  'gate',
  'a2f_send',
  'a2f_recv',
  'expert',
  'shared_expert',
  'dense',
  'f2a_send',
  'f2a_recv',
  'combine',
  'collective',
  'sample',
  'copy',
  'host',
] as const;
export type StageName = (typeof STAGES)[number];
export const Stage = {
  attention: 0,
  gate: 1,
  a2f_send: 2,
  a2f_recv: 3,
  expert: 4,
  shared_expert: 5,
  dense: 6,
  f2a_send: 7,
  f2a_recv: 8,
  combine: 9,
  collective: 10,
  sample: 11,
  copy: 12,
  host: 13,
} as const;

export const ROLES = ['attention', 'ffn', 'colocated', 'prefill'] as const;
export type Role = (typeof ROLES)[number];

/** "Not there" in integer columns: no layer, no micro-batch, all peers, no token count. */
export const ABSENT = -1;
