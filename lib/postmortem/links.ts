/** Where the evidence is on the dashboard: paths that open a page with the window and what to look at. */
import type { ReportJson } from '#lib/api/report-schema.ts';
import { DEFAULT_PAGE_STATE, type PageState, serializePageState } from '#lib/view/url-state.ts';
import type { Evidence, VerdictPiece } from '#lib/view/verdict-piece.ts';
import type { Run } from './document.ts';

type Where = Pick<ReportJson, 'deployment' | 'window'>;

/** Of the report's window. */
export function pageLink(
  { deployment, window }: Where,
  path: string,
  change: Partial<PageState> = {},
): string {
  return spanLink(deployment, path, window.startUnixNs, window.endUnixNs, change);
}

/** The page's windows have milliseconds: it is widened to whole ones. */
function spanLink(
  deployment: string,
  path: string,
  startUnixNs: string,
  endUnixNs: string,
  change: Partial<PageState> = {},
): string {
  const fromMs = Number(BigInt(startUnixNs) / 1_000_000n);
  const toMs = Number((BigInt(endUnixNs) + 999_999n) / 1_000_000n);
  const range = { kind: 'absolute', fromMs, toMs: Math.max(fromMs + 1, toMs) } as const;
  return `${path}?${serializePageState({ ...DEFAULT_PAGE_STATE, deployment, range, ...change })}`;
}

/** A twentieth of the span is shown on either side of it. */
export function timelineLink(deployment: string, startUnixNs: string, durationNs: number): string {
  const margin = BigInt(Math.round(durationNs / 20));
  const start = BigInt(startUnixNs);
  const end = start + BigInt(Math.round(durationNs));
  return spanLink(deployment, '/timeline', String(start - margin), String(end + margin));
}

export function evidenceLink(where: Where, evidence: Evidence): string {
  return 'anchor' in evidence
    ? `${pageLink(where, '/')}#${evidence.anchor}`
    : pageLink(where, evidence.path, evidence.change);
}

export function runsOfPieces(where: Where, pieces: readonly VerdictPiece[]): Run[] {
  return pieces.map(({ text, strong, title, evidence }) => ({
    text,
    ...(strong === undefined ? {} : { strong }),
    ...(title === undefined ? {} : { title }),
    ...(evidence === undefined ? {} : { link: evidenceLink(where, evidence) }),
  }));
}
