/**
 * The nearest earlier window of equal length in which all was well: what a post-mortem report holds its
 * window against.
 */
import type { ReportJson } from '#lib/api/report-schema.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import { baselineFlaw } from '#lib/postmortem/baseline.ts';
import type { Baseline, PassedOver } from '#lib/postmortem/facts.ts';
import type { StoredDeployment, TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { laterOf } from '#lib/table/instants.ts';
import { timeText } from './parse-time.ts';
import { report } from './report.ts';
import { reportJson } from './report-json.ts';
import { earlier } from './window.ts';

const MOST_WINDOWS = 24;
/** Reports from raw events cost more than those from rollups. */
const MOST_RAW_REPORTS = 8;
const MOST_RAW_EVENTS = 1_000_000;

export async function findBaseline(
  reader: TelemetryReader,
  seen: StoredDeployment,
  { fromUnixNs, toUnixNs }: TimeWindow,
  nowUnixNs: UnixNanos,
): Promise<Baseline> {
  const lengthNs = Number(toUnixNs - fromUnixNs);
  const passedOver: PassedOver[] = [];
  let rawReports = 0;
  for (let back = 1; back <= MOST_WINDOWS; back++) {
    const to = earlier(fromUnixNs, (back - 1) * lengthNs);
    if (to <= seen.firstSeenUnixNs) {
      return { kind: 'none', because: sinceBegin(passedOver), passedOver };
    }
    const from = laterOf(earlier(fromUnixNs, back * lengthNs), seen.firstSeenUnixNs);
    const found = await reportOrNull(reader, seen.deployment, from, to, nowUnixNs);
    if (found === null) {
      passedOver.push({ startUnixNs: String(from), because: 'nothing of it is kept' });
      continue;
    }
    const flaw = baselineFlaw(found);
    if (flaw === null) return { kind: 'found', report: found, passedOver };
    passedOver.push({ startUnixNs: String(from), because: flaw });
    if (found.exactness === 'raw') rawReports++;
    if (rawReports >= MOST_RAW_REPORTS) break;
  }
  const because = `none of the ${passedOver.length} windows of equal length before it was healthy.`;
  return { kind: 'none', because, passedOver };
}

function sinceBegin(passedOver: readonly PassedOver[]): string {
  return passedOver.length === 0
    ? 'the window starts with the first event of the deployment.'
    : 'none of the windows before it, back to the first event of the deployment, was healthy.';
}

/** null: neither raw events nor rollups answer. */
async function reportOrNull(
  reader: TelemetryReader,
  deployment: string,
  from: UnixNanos,
  to: UnixNanos,
  nowUnixNs: UnixNanos,
): Promise<ReportJson | null> {
  const question = { deployment, from: timeText(from), to: timeText(to) };
  const answer = await report(reader, question, nowUnixNs, MOST_RAW_EVENTS);
  return answer.quality.events === 0 ? null : reportJson(answer);
}
