/** Everything that a post-mortem report is made of. Plain data: the same facts give the same bytes. */
import type { AlertEvent } from '#lib/api/alerts.ts';
import type { AnnotationJson } from '#lib/api/annotations.ts';
import type { Compare } from '#lib/api/compare.ts';
import type { Condition } from '#lib/api/condition.ts';
import type { IngestTotalsJson, StoreHealth } from '#lib/api/health.ts';
import type { IncidentDetail, IncidentJson } from '#lib/api/incidents.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';
import type { Waits } from '#lib/api/waits.ts';

export interface PostmortemFacts {
  readonly report: ReportJson;
  /**
   * Of the few seconds around the worst step, from raw events, where `report` is from rollups, which
   * know nobody by name; null: `report` needs none, or the events are gone.
   */
  readonly closeUp: ReportJson | null;
  /** The worst steps, the worst first. */
  readonly steps: SlowSteps;
  /** What the window is held against. */
  readonly baseline: Baseline;
  /** null: there is no baseline, or too few whole steps of raw events. */
  readonly comparison: Compare | null;
  /** Of the window or of its newest part; null: no raw events. */
  readonly waits: Waits | null;
  readonly annotations: readonly AnnotationJson[];
  /** What alert rules said during the window. */
  readonly alerts: readonly AlertFact[];
  /** Where it is the report of an incident. */
  readonly incident?: {
    readonly incident: IncidentJson;
    /** What alerts did, the oldest first. */
    readonly timeline: readonly AlertEvent[];
    /** As it was when the incident was made. */
    readonly setup: IncidentDetail['setup'];
  } | null;
  /** null: not from a store. */
  readonly intake: Intake | null;
  readonly setup: SetupFacts;
  /** When and for whom it is made: not part of what happened. */
  readonly made: {
    readonly atUnixNs: string;
    /** IANA name of the zone of local times. */
    readonly timeZone: string;
    /** Where the dashboard is, without a trailing slash; null: nowhere, and nothing is linked. */
    readonly baseUrl: string | null;
  };
}

export interface SlowSteps {
  /** Latencies of the slowest, the slowest first; more than have a picture. */
  readonly slowest: readonly {
    readonly domain: number;
    readonly step: number;
    readonly startUnixNs: string;
    readonly durationNs: number;
  }[];
  /** Of which steps `slowest` are: all of the window, or those of its slowest seconds. */
  readonly from: 'all' | 'slowest-seconds';
  readonly pictured: readonly PicturedStep[];
  /** A step as long as most, of the baseline, or of the window where that has none; null: none is kept. */
  readonly usual: PicturedStep | null;
  readonly usualOf: 'baseline' | 'window';
  /** Why there are fewer pictures than steps; '': there are not. */
  readonly missing: string;
}

export interface PicturedStep {
  readonly why: 'hung' | 'slow' | 'usual';
  readonly domain: number;
  readonly step: number;
  readonly startUnixNs: string;
  readonly durationNs: number;
  readonly rows: readonly {
    readonly workerId: string;
    readonly group: string;
    readonly role: string;
    readonly rank: number;
  }[];
  readonly hiddenWorkers: number;
  /** Parallel arrays, by row, then start; times count from the step's start. */
  readonly boxes: StepColumns & {
    readonly stage: readonly string[];
    readonly kind: readonly string[];
    readonly layer: readonly number[];
  };
  readonly waits: StepColumns & { readonly cause: readonly string[] };
  /** By start; `row` is -1 on a worker without one. */
  readonly path: StepColumns & { readonly layer: readonly number[] };
}

export interface StepColumns {
  readonly row: readonly number[];
  readonly startNs: readonly number[];
  readonly durationNs: readonly number[];
}

export type Baseline =
  | {
      readonly kind: 'found';
      readonly report: ReportJson;
      readonly passedOver: readonly PassedOver[];
    }
  | {
      readonly kind: 'none';
      /** One sentence. */
      readonly because: string;
      readonly passedOver: readonly PassedOver[];
    };

/** An earlier window that is no baseline, the nearest first. */
export interface PassedOver {
  readonly startUnixNs: string;
  readonly because: string;
}

export interface AlertFact {
  readonly name: string;
  readonly text: string;
  readonly sinceUnixNs: string;
  /** null: it goes on. */
  readonly untilUnixNs: string | null;
}

export interface Intake {
  readonly store: StoreHealth;
  /** Of the deployment, and of what no deployment is known of. */
  readonly totals: readonly IngestTotalsJson[];
  /** Of the collector now; null: it was not asked, or did not answer. */
  readonly conditions: readonly Condition[] | null;
}

export interface SetupFacts {
  /** In the order in which they are told. */
  readonly versions: readonly { readonly name: string; readonly value: string }[];
  readonly config: readonly { readonly key: string; readonly value: string }[];
  /** Whose configuration it is, such as "of this command". */
  readonly configOf: string;
}
