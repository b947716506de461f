/** What a worker needs to send here: shown where there is no data yet. */

/** Shown while the collector does not tell its address. */
export const DEFAULT_OTLP = 'http://127.0.0.1:4318';

/** Environment of one worker, as a command that starts it. One line, ready to paste. */
export function connectCommand(otlpHttp: string | null): string {
  return [
    `OTEL_EXPORTER_OTLP_ENDPOINT=${otlpHttp ?? DEFAULT_OTLP}`,
    'OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf',
    'OTEL_RESOURCE_ATTRIBUTES=afd.deployment=prod,afd.role=attention,afd.rank=0',
    'python serve.py',
  ].join(' ');
}

export const CONNECT_ATTRIBUTES: readonly {
  readonly name: string;
  readonly where: 'resource' | 'span';
  readonly text: string;
}[] = [
  { name: 'afd.role', where: 'resource', text: 'attention or ffn: the side of the worker' },
  { name: 'afd.rank', where: 'resource', text: 'its rank in the group, from 0' },
  { name: 'afd.deployment', where: 'resource', text: 'name of the serving instance' },
  { name: 'afd.step', where: 'span', text: 'iteration, the same on every worker' },
  { name: 'afd.layer', where: 'span', text: 'layer from 0' },
  { name: 'afd.microbatch', where: 'span', text: 'micro-batch from 0' },
  {
    name: 'afd.stage',
    where: 'span',
    text: 'attention, a2f_send, a2f_recv, expert, f2a_send, f2a_recv, …; else the span’s name',
  },
];

/** What a sender adds to expert events for the Experts page. */
export const EXPERT_ATTRIBUTES: readonly { readonly name: string; readonly text: string }[] = [
  { name: 'afd.tokens', text: 'routed tokens of the rank: load by rank and layer, imbalance' },
  { name: 'afd.experts.active', text: 'experts with a token: what must be read from memory' },
  {
    name: 'afd.experts.max_tokens',
    text: 'tokens of the busiest expert; with mean_tokens: imbalance inside a rank',
  },
  { name: 'afd.experts.mean_tokens', text: 'mean tokens of the rank’s experts' },
  {
    name: 'afd.expert_tokens',
    text: 'tokens of each expert of the rank, as a list: single experts, hot ones by name',
  },
];
