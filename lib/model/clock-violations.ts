/** Effects before causes: transfers that are received before they were sent. */
import type { ClockAlignment } from './clock-alignment.ts';
import { CLOCK_RESOLUTION_NS, type TransferColumns } from './clock-bounds.ts';
import { alignInstants } from './clock-correction.ts';

/** Transfers between domains that violate causality in raw and in aligned times. */
export function countViolations(
  columns: TransferColumns,
  alignment: ClockAlignment,
): { before: number; after: number } {
  const { length, baseUnixNs, domains, senderDomain, receiverDomain, endsAtArrival } = columns;
  const corrections = domains.map(
    (name) => alignment.domains.find(({ domain }) => domain === name)?.correction ?? null,
  );
  let before = 0;
  let after = 0;
  const instant = new Float64Array(1);
  const aligned = (domain: number, ns: number): number => {
    const correction = corrections[domain];
    if (correction === null || correction === undefined) return ns;
    instant[0] = ns;
    alignInstants(correction, baseUnixNs, instant);
    return instant[0];
  };
  for (let row = 0; row < length; row++) {
    const sender = senderDomain[row]!;
    const receiver = receiverDomain[row]!;
    if (sender === receiver) continue;
    const byArrival = endsAtArrival !== null && endsAtArrival[row] === 1;
    const sentNs = byArrival ? columns.sendEndNs[row]! : columns.sendStartNs[row]!;
    const receivedNs = columns.recvEndNs[row]!;
    if (receivedNs - sentNs < -CLOCK_RESOLUTION_NS) before++;
    const tookNs = aligned(receiver, receivedNs) - aligned(sender, sentNs);
    if (tookNs < -CLOCK_RESOLUTION_NS - ROUNDING_NS) after++;
  }
  return { before, after };
}

/** Both ends are rounded once more. */
const ROUNDING_NS = 1;
