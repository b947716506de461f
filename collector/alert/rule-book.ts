/**
 * The rules in force: built-in ones, those of the file, and those stored from pages. One of a later source
 * stands in the place of an earlier one of the same name.
 */
import { storedRule } from '#lib/alert/documents.ts';
import { circleText, circleThrough } from '#lib/alert/explain-circles.ts';
import {
  listRules,
  type RuleCheck,
  type RuleEntry,
  type StandingRule,
  type StoredRule,
} from '#lib/alert/rule-list.ts';
import { type AlertRule, alertRuleSchema } from '#lib/api/alert-rules.ts';
import { unixMsFromNanos, unixNanosFromMs } from '#lib/base/units.ts';
import type { StateDocument } from '#lib/store/state-store.ts';
import { conflict, notFound, type Refusable, refused, wrongBody } from './refusal.ts';

export interface RuleBookOptions {
  /** Built-in ones and those of the file. */
  readonly standing: readonly StandingRule[];
  readonly check: RuleCheck;
}

/** Each costs time at every evaluation. */
const MAX_STORED = 500;

export class RuleBook {
  readonly #check: RuleCheck;
  #standing: readonly StandingRule[];
  readonly #stored = new Map<string, StoredRule>();
  #listed: readonly RuleEntry[] | null = null;

  constructor(options: RuleBookOptions) {
    this.#check = options.check;
    this.#standing = options.standing;
  }

  /** The file was read again. */
  setStanding(standing: readonly StandingRule[]): void {
    this.#standing = standing;
    this.#listed = null;
  }

  /** Says how many could not be read. */
  load(documents: readonly StateDocument[]): number {
    let unread = 0;
    for (const document of documents) {
      const rule = storedRule(document);
      if (rule === null) unread++;
      else {
        const changedUnixMs = Math.round(unixMsFromNanos(document.updatedUnixNs));
        this.#stored.set(rule.name, { rule, changedUnixMs });
      }
    }
    this.#listed = null;
    return unread;
  }

  /** By name: every rule, switched-off and wrong ones too. */
  list(): readonly RuleEntry[] {
    this.#listed ??= listRules(this.#standing, this.#stored.values(), this.#check);
    return this.#listed;
  }

  /** What is evaluated. */
  active(): readonly AlertRule[] {
    return this.list().flatMap(({ rule, error }) => (rule.enabled && error === null ? rule : []));
  }

  entry(name: string): RuleEntry | null {
    return this.list().find(({ rule }) => rule.name === name) ?? null;
  }

  /** Is it on, but cannot be evaluated? */
  isBroken(name: string): boolean {
    const entry = this.entry(name);
    return entry?.rule.enabled === true && entry.error !== null;
  }

  /**
   * A rule to be stored, as a document to be written before it counts (`commit`). `basedOn`: the version
   * that was edited; null: none was stored; undefined: whatever is there is replaced.
   */
  plan(
    body: unknown,
    basedOn: number | null | undefined,
    nowUnixMs: number,
  ): Refusable<StateDocument> {
    const parsed = alertRuleSchema.safeParse(body);
    if (!parsed.success) return wrongBody(parsed.error);
    const rule = parsed.data;
    const names = [...this.list().map((entry) => entry.rule.name), rule.name];
    const wrong = this.#check(rule, names);
    if (wrong !== null) return refused(wrong, wrong.split(':')[0]);
    const others = this.list().flatMap((entry) =>
      entry.rule.name === rule.name ? [] : entry.rule,
    );
    const circle = circleThrough(rule.name, [...others, rule]);
    if (circle !== null) return refused(`explains: ${circleText(circle)}`, 'explains');
    const known = this.#stored.get(rule.name);
    if (basedOn !== undefined && basedOn !== (known?.changedUnixMs ?? null)) {
      return conflict(changedText(rule.name, known));
    }
    if (known === undefined && this.#stored.size >= MAX_STORED) {
      return refused(`There are ${MAX_STORED} stored rules already; delete some.`);
    }
    const changed = Math.max(nowUnixMs, (known?.changedUnixMs ?? 0) + 1);
    return {
      ok: true,
      value: {
        kind: 'alert-rule',
        id: rule.name,
        deployment: '',
        status: rule.enabled ? 'enabled' : 'disabled',
        createdUnixNs: unixNanosFromMs(changed),
        updatedUnixNs: unixNanosFromMs(changed),
        detail: JSON.stringify(rule),
      },
    };
  }

  planRemoval(name: string): Refusable<string> {
    if (this.#stored.has(name)) return { ok: true, value: name };
    return this.entry(name) !== null
      ? refused(
          `${name} is not stored here: it is built in or stands in the file. Switch it off instead.`,
          'name',
        )
      : notFound(`There is no rule ${name}.`, 'name');
  }

  /** It is on disk: now it counts. */
  commit(document: StateDocument): void {
    this.load([document]);
  }

  remove(name: string): void {
    this.#stored.delete(name);
    this.#listed = null;
  }
}

function changedText(name: string, known: StoredRule | undefined): string {
  return known === undefined
    ? `The stored rule ${name} was deleted since; load it again.`
    : `The rule ${name} was changed by somebody else since; load it again.`;
}
