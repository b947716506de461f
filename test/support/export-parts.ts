/** The parts of an export, as small as wanted. */

import { addNanos, unixNanos } from '#lib/base/units.ts';
import type { ExportPart } from '#lib/export/export-part.ts';
import type { ExportSelection } from '#lib/query/export-format.ts';
import { ExportEvents } from '#lib/query/export-parts.ts';
import { requireDeployment } from '#lib/query/window.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';

export interface PartsAsked {
  readonly deployment: string;
  readonly from?: string;
  readonly to?: string;
  readonly partEvents?: number;
}

export async function partsOf(
  store: TelemetryReader,
  { deployment, from, to, partEvents }: PartsAsked,
): Promise<{ readonly parts: ExportPart[]; readonly selection: ExportSelection }> {
  const seen = await requireDeployment(store, deployment);
  const selection: ExportSelection = {
    deployment,
    window: {
      fromUnixNs: from === undefined ? seen.firstSeenUnixNs : unixNanos(BigInt(from)),
      toUnixNs: to === undefined ? addNanos(seen.lastSeenUnixNs, 1) : unixNanos(BigInt(to)),
    },
    isWhole: from === undefined && to === undefined,
    options: {},
  };
  const events = await ExportEvents.of(store, selection, partEvents);
  const parts: ExportPart[] = [];
  for await (const part of events.parts()) parts.push(part);
  return { parts, selection };
}
