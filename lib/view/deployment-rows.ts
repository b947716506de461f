/** The table of deployments: which sends, which is silent, which was imported, what of it is kept. */
import type { Deployment } from '#lib/api/deployments.ts';
import type { TimeSelection } from './time-range.ts';

/** Silent for longer is idle. */
const LIVE_MS = 60_000;

export type DeploymentState = 'live' | 'idle' | 'imported';

export interface DeploymentRow {
  readonly id: string;
  readonly state: DeploymentState;
  /** Such as "8A4F". */
  readonly topology: string;
  /** Such as "attention 8, ffn 4". */
  readonly groups: string;
  readonly workers: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly steps: number | null;
  readonly events: number;
  /** Some of its events were imported into a deployment that also sends. */
  readonly isMixed: boolean;
  readonly isPinned: boolean;
  /** What to open: all of an import, else what is newest. */
  readonly range: TimeSelection;
}

/** Those that send first, then by their last event. */
export function deploymentRows(
  deployments: readonly Deployment[],
  nowMs: number,
): readonly DeploymentRow[] {
  return deployments
    .map((one) => rowOf(one, nowMs))
    .sort((a, b) => ORDER[a.state] - ORDER[b.state] || b.lastMs - a.lastMs);
}

const ORDER: Readonly<Record<DeploymentState, number>> = { live: 0, idle: 1, imported: 2 };

function rowOf(one: Deployment, nowMs: number): DeploymentRow {
  const firstMs = msOf(one.firstSeenUnixNs);
  const lastMs = msOf(one.lastSeenUnixNs);
  const imported = one.importedEvents ?? 0;
  const isImported = imported > 0 && imported >= one.events;
  const state = isImported ? 'imported' : nowMs - lastMs < LIVE_MS ? 'live' : 'idle';
  const { groups } = one;
  return {
    id: one.id,
    state,
    topology: one.topology,
    groups: groups.map(({ group, workers }) => `${group} ${workers}`).join(', '),
    workers: groups.reduce((sum, { workers }) => sum + workers, 0),
    firstMs,
    lastMs,
    steps: one.steps,
    events: one.events,
    isMixed: imported > 0 && !isImported,
    isPinned: (one.pinned ?? []).length > 0,
    range:
      state === 'live'
        ? { kind: 'live' }
        : {
            kind: 'absolute',
            fromMs: isImported ? firstMs : Math.max(firstMs, lastMs - 300_000),
            toMs: lastMs + 1,
          },
  };
}

function msOf(unixNs: string): number {
  return Number(BigInt(unixNs) / 1_000_000n);
}
