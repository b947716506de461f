/** Counts what one request brought and was not stored as it came, and says so in one sentence. */
import { IngestMarks } from '#lib/table/ingest-marks.ts';
import type { RejectCounts, RejectReason } from '#lib/table/reject-reasons.ts';

/** What is told to the sender behind the number and its noun ("3 spans …"). */
const ADVICE: Readonly<Record<RejectReason, string>> = {
  duplicate: 'were stored before',
  late: 'came after their time was closed',
  clamped: 'had a field forced into its range',
  not_afd: 'carry no afd.* attribute; set afd.role, afd.rank and afd.step, see docs/schema.md',
  no_role:
    'have no usable afd.role; set the resource attribute to attention, ffn, colocated or prefill',
  bad_time: 'have a start time that no unix clock gives; times are unix nanoseconds',
  bad_attribute: 'have an attribute that the schema does not allow',
  bad_packed: 'are of packed steps that cannot be read, see docs/packed-steps.md',
  cardinality: 'exceed the bound on workers, deployments, stages or series',
  unsupported_metric: 'are exponential histograms or summaries, which are not stored',
  own_telemetry: 'are telemetry of this collector itself (service.name is afdscope)',
};

export class RejectTally {
  readonly rejected = new Map<string, RejectCounts>();
  /** The same by the second in which the events took place. */
  readonly marks = new IngestMarks();
  readonly #totals = new Map<RejectReason, number>();
  /** The first attribute that was wrong, in words; '' where none was. */
  firstBadAttribute = '';
  /** What was wrong with the first packed step that was; '' where none was. */
  firstBadPacked = '';

  /** `unixS`: second since the epoch in which they took place; null: not known. */
  count(deployment: string, reason: RejectReason, count = 1, unixS: number | null = null): void {
    this.marks.add(deployment, reason, unixS, count);
    let counts = this.rejected.get(deployment);
    if (counts === undefined) {
      counts = {};
      this.rejected.set(deployment, counts);
    }
    counts[reason] = (counts[reason] ?? 0) + count;
    this.#totals.set(reason, (this.#totals.get(reason) ?? 0) + count);
  }

  /** Received and not stored; what was clamped is stored. */
  get rejectedCount(): number {
    let total = 0;
    for (const [reason, count] of this.#totals) if (reason !== 'clamped') total += count;
    return total;
  }

  /** One sentence, most frequent reason first; '' where nothing was refused. */
  message(singular: string): string {
    const clauses = [...this.#totals]
      .filter(([reason]) => reason !== 'clamped')
      .sort(([, a], [, b]) => b - a)
      .map(([reason, count]) => {
        const noun = count === 1 ? singular : `${singular}s`;
        const advice = count === 1 ? ofOne(ADVICE[reason]) : ADVICE[reason];
        const first =
          reason === 'bad_attribute'
            ? this.firstBadAttribute
            : reason === 'bad_packed'
              ? this.firstBadPacked
              : '';
        const detail = first === '' ? '' : ` (the first: ${first})`;
        return `${count} ${noun} ${advice}${detail}`;
      });
    return clauses.join('; and ');
  }
}

const VERBS: Readonly<Record<string, string>> = {
  are: 'is',
  carry: 'carries',
  exceed: 'exceeds',
  had: 'had',
  have: 'has',
  were: 'was',
};

/** The same advice about a single one: "carry no …" -> "carries no …". */
function ofOne(advice: string): string {
  return advice.replace(/^\w+/, (verb) => VERBS[verb] ?? verb);
}
