/**
 * Which conditions hold now. Each is logged once when it begins and once when it ends, however
 * often it is reported in between.
 */
import { CONDITION_NAMES, type Condition, type ConditionName } from '#lib/api/condition.ts';
import { CONDITION_TEXTS } from './condition-texts.ts';

export interface ConditionLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

interface Held {
  readonly condition: Condition;
  /** Monotonic, so that the length is right where the clock is what is wrong. */
  readonly startedMs: number;
}

export class ConditionBoard {
  readonly #log: ConditionLog;
  readonly #held = new Map<ConditionName, Held>();
  readonly #entered = new Map<ConditionName, number>();

  constructor(log: ConditionLog) {
    this.#log = log;
  }

  /** Begins a condition, or tells newer facts about one that holds already. */
  begin(name: ConditionName, detail: string, sinceUnixMs: number = Date.now()): void {
    const known = this.#held.get(name);
    const condition: Condition = {
      name,
      ...CONDITION_TEXTS[name],
      sinceUnixMs: known?.condition.sinceUnixMs ?? sinceUnixMs,
      detail,
    };
    this.#held.set(name, { condition, startedMs: known?.startedMs ?? performance.now() });
    if (known !== undefined) return;
    this.#entered.set(name, this.entered(name) + 1);
    const level = condition.severity === 'critical' ? 'error' : 'warn';
    this.#log[level]({ condition: name }, `${name}: ${detail}. ${condition.remedy}`);
  }

  end(name: ConditionName): void {
    const held = this.#held.get(name);
    if (held === undefined) return;
    this.#held.delete(name);
    const seconds = ((performance.now() - held.startedMs) / 1000).toFixed(1);
    this.#log.info({ condition: name }, `${name}: over after ${seconds} s`);
  }

  /** Graver ones first, then in the order of `CONDITION_NAMES`. */
  active(): readonly Condition[] {
    const list = CONDITION_NAMES.flatMap((name) => this.#held.get(name)?.condition ?? []);
    return list.sort((a, b) => Number(b.notReady) - Number(a.notReady));
  }

  holds(name: ConditionName): boolean {
    return this.#held.has(name);
  }

  /** How often it began since the process started. */
  entered(name: ConditionName): number {
    return this.#entered.get(name) ?? 0;
  }
}
