/** Kineto events as text, for tests that make their own traces. Times are integer nanoseconds. */

export interface MadeKernel {
  readonly startNs: bigint;
  readonly durationNs: bigint;
  readonly name: string;
  readonly device?: number;
  readonly stream?: number;
  readonly correlation?: number;
  readonly category?: string;
}

/** Decimal microseconds with every digit, as libkineto prints them. */
export function us(ns: bigint): string {
  const digits = String(ns < 0n ? -ns : ns).padStart(4, '0');
  return `${ns < 0n ? '-' : ''}${digits.slice(0, -3)}.${digits.slice(-3)}`;
}

export function kernelEvent({
  startNs,
  durationNs,
  name,
  device = 0,
  stream = 7,
  correlation,
  category = 'kernel',
}: MadeKernel): string {
  const link = correlation === undefined ? '' : `, "correlation": ${correlation}`;
  return `{"ph": "X", "cat": "${category}", "name": ${JSON.stringify(name)}, "pid": ${device}, "tid": ${stream},
    "ts": ${us(startNs)}, "dur": ${us(durationNs)}, "args": {"device": ${device}, "stream": ${stream}${link}}}`;
}

export function rangeEvent(
  name: string,
  startNs: bigint,
  durationNs: bigint,
  { category = 'user_annotation', pid = 100, tid = 100 } = {},
): string {
  return `{"ph": "X", "cat": "${category}", "name": ${JSON.stringify(name)}, "pid": ${pid}, "tid": ${tid}, "ts": ${us(startNs)}, "dur": ${us(durationNs)}}`;
}

export function launchEvent(correlation: number, startNs: bigint, tid = 100): string {
  return `{"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 100, "tid": ${tid}, "ts": ${us(startNs)}, "dur": 2.000, "args": {"cbid": 211, "correlation": ${correlation}}}`;
}

export function trace(
  events: readonly string[],
  members: Readonly<Record<string, unknown>> = {},
): string {
  const others = Object.entries(members).map(
    ([key, value]) => `"${key}": ${typeof value === 'bigint' ? value : JSON.stringify(value)}`,
  );
  return `{"schemaVersion": 1, ${[...others, `"traceEvents": [\n${events.join(',\n')}\n]`].join(', ')}}`;
}
