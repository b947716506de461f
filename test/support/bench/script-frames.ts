/** How much script each frame of a page runs, read from a trace of the browser. */
import type { Browser, Page } from 'playwright-core';

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly ts: number;
  readonly dur?: number;
  /** Of the thread's own clock, which stands while others have the core. */
  readonly tts?: number;
  readonly tdur?: number;
  readonly pid: number;
  readonly tid: number;
}

/** What the browser calls time in which script runs, its garbage collection included. */
const SCRIPT = new Set([
  'FunctionCall',
  'EvaluateScript',
  'RunMicrotasks',
  'EventDispatch',
  'FireAnimationFrame',
  'TimerFire',
  'V8.GCScavenger',
  'MinorGC',
  'MajorGC',
]);
const CATEGORIES = ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'v8', 'blink'];

/**
 * Milliseconds of script by frame while `act` runs: from the end of one animation frame to the end of
 * the next, so that the events in between count to the frame that shows them.
 */
export async function scriptFrames(
  browser: Browser,
  page: Page,
  act: () => Promise<void>,
): Promise<readonly number[]> {
  await browser.startTracing(page, { categories: CATEGORIES });
  await act();
  const trace = await browser.stopTracing();
  const { traceEvents } = JSON.parse(trace.toString('utf8')) as { traceEvents: TraceEvent[] };
  const complete = traceEvents
    .filter(({ ph, tdur }) => ph === 'X' && tdur !== undefined)
    .map((event) => ({ ...event, ts: event.tts ?? event.ts, dur: event.tdur ?? 0 }));
  const frames = complete.filter(({ name }) => name === 'FireAnimationFrame');
  const main = mostFrequent(frames);
  const own = complete
    .filter((event) => `${event.pid} ${event.tid}` === main && SCRIPT.has(event.name))
    .sort((a, b) => a.ts - b.ts);
  const ends = frames
    .filter((event) => `${event.pid} ${event.tid}` === main)
    .map(({ ts, dur }) => ts + dur)
    .sort((a, b) => a - b);
  const sums = new Array<number>(Math.max(0, ends.length - 1)).fill(0);
  let frame = 0;
  let countedTo = 0;
  for (const { ts, dur } of own) {
    // Calls lie inside of one another: only what lies outside of the last one is new.
    const from = Math.max(ts, countedTo);
    const to = ts + dur;
    if (to <= from) continue;
    countedTo = to;
    while (frame < ends.length && ends[frame]! < to) frame++;
    if (frame > 0 && frame < ends.length) sums[frame - 1] = sums[frame - 1]! + (to - from) / 1000;
  }
  return sums;
}

function mostFrequent(events: readonly TraceEvent[]): string {
  const counts = new Map<string, number>();
  for (const { pid, tid } of events) {
    const key = `${pid} ${tid}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? '';
}
