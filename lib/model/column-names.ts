/** How exports call measures and lists of events, units included (docs/api.md, "Export"). */
import type { ListName, Measure } from '#lib/table/event-table.ts';

export const MEASURE_COLUMNS: Readonly<Record<Measure, string>> = {
  tokens: 'tokens',
  bytes: 'size_bytes',
  flops: 'flops',
  requests: 'requests',
  contextTokens: 'context_tokens',
  expertsActive: 'experts_active',
  expertsMaxTokens: 'experts_max_tokens',
  expertsMeanTokens: 'experts_mean_tokens',
};
export const LIST_COLUMNS: Readonly<Record<ListName, string>> = {
  peers: 'peers',
  expertTokens: 'expert_tokens',
};
