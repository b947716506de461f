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
