/** What a what-if may change, as people write it: `ratio=12A4F`, `fix=attention/2`. */
import { err, ok, type Result } from '#lib/base/result.ts';

export interface WhatifChanges {
  readonly attention: number | null;
  readonly ffn: number | null;
  readonly microbatches: number | null;
  /** Factors; 1: as it is. */
  readonly batch: number;
  readonly network: number;
  /** Worker ids. */
  readonly fixed: readonly string[];
  readonly levelExperts: boolean;
  /** By stage name. */
  readonly stages: ReadonlyMap<string, number>;
}

/** What the replayed steps have, so that a wrong name can be answered with the right ones. */
export interface WhatifNames {
  readonly workers: readonly string[];
  readonly stages: readonly string[];
}

/** A change and what is wrong with it. */
export interface ChangeProblem {
  readonly set: string;
  readonly message: string;
}

export const NO_CHANGES: WhatifChanges = {
  attention: null,
  ffn: null,
  microbatches: null,
  batch: 1,
  network: 1,
  fixed: [],
  levelExperts: false,
  stages: new Map(),
};

const FORMS =
  'ratio=12A4F, microbatches=3, batch=0.5, network=0.5, fix=attention/2, experts=level or stage:expert=0.8';
const MAX_WORKERS = 4096;
const MAX_MICROBATCHES = 8;
const MAX_FACTOR = 100;
/** As many as a page or a person has reason to give; each costs time. */
const MAX_CHANGES = 32;

/** Checks what can be checked without the record; `checkNames` does the rest. */
export function parseChanges(sets: readonly string[]): Result<WhatifChanges, ChangeProblem> {
  if (sets.length > MAX_CHANGES) {
    return err({ set: sets[MAX_CHANGES]!, message: `at most ${MAX_CHANGES} changes at a time` });
  }
  const changes = { ...NO_CHANGES, fixed: [] as string[], stages: new Map<string, number>() };
  const given = new Set<string>();
  for (const set of sets) {
    const message = parseChange(set, changes, given);
    if (message !== null) return err({ set, message });
  }
  return ok(changes);
}

type MutableChanges = {
  -readonly [K in keyof WhatifChanges]: K extends 'fixed'
    ? string[]
    : K extends 'stages'
      ? Map<string, number>
      : WhatifChanges[K];
};

/** What is wrong with it, or null. */
function parseChange(set: string, changes: MutableChanges, given: Set<string>): string | null {
  const equals = set.indexOf('=');
  const name = equals < 0 ? set : set.slice(0, equals);
  const value = equals < 0 ? '' : set.slice(equals + 1);
  const once = name === 'fix' ? set : name;
  if (given.has(once)) return `${once} is there twice`;
  given.add(once);
  switch (name) {
    case 'ratio': {
      const match = /^(\d{1,4})A(\d{1,4})F$/i.exec(value);
      const attention = Number(match?.[1] ?? 0);
      const ffn = Number(match?.[2] ?? 0);
      if (attention < 1 || ffn < 1 || attention > MAX_WORKERS || ffn > MAX_WORKERS) {
        return `write attention and FFN workers (1 to ${MAX_WORKERS}) such as ratio=12A4F`;
      }
      changes.attention = attention;
      changes.ffn = ffn;
      return null;
    }
    case 'microbatches': {
      const count = /^\d+$/.test(value) ? Number(value) : 0;
      if (count < 1 || count > MAX_MICROBATCHES) {
        return `write a whole number from 1 to ${MAX_MICROBATCHES} such as microbatches=3`;
      }
      changes.microbatches = count;
      return null;
    }
    case 'batch':
    case 'network': {
      const factor = factorOf(value);
      if (factor === null) return factorMessage(`${name}=0.5`);
      changes[name] = factor;
      return null;
    }
    case 'fix':
      if (value === '') return 'write a worker such as fix=attention/2';
      changes.fixed.push(value);
      return null;
    case 'experts':
      if (value !== 'level') return 'only experts=level is known';
      changes.levelExperts = true;
      return null;
    default: {
      const stage = /^stage:(.+)$/.exec(name)?.[1];
      if (stage === undefined) return `unknown change; write ${FORMS}`;
      const factor = factorOf(value);
      if (factor === null) return factorMessage(`stage:${stage}=0.8`);
      changes.stages.set(stage, factor);
      return null;
    }
  }
}

function factorOf(text: string): number | null {
  if (!/^\d+(\.\d+)?$|^\.\d+$/.test(text)) return null;
  const factor = Number(text);
  return factor > 0 && factor <= MAX_FACTOR ? factor : null;
}

function factorMessage(example: string): string {
  return `write a factor over 0 and up to ${MAX_FACTOR} such as ${example}`;
}

/** null: every worker and stage that is named is there. */
export function checkNames(changes: WhatifChanges, names: WhatifNames): ChangeProblem | null {
  for (const worker of changes.fixed) {
    if (names.workers.includes(worker)) continue;
    return {
      set: `fix=${worker}`,
      message: `no such worker; there are ${someOf(names.workers)}`,
    };
  }
  for (const stage of changes.stages.keys()) {
    if (names.stages.includes(stage)) continue;
    return {
      set: `stage:${stage}`,
      message: `no such stage; there are ${someOf(names.stages)}`,
    };
  }
  return null;
}

function someOf(names: readonly string[]): string {
  const shown = 12;
  const more = names.length > shown ? ` and ${names.length - shown} more` : '';
  return names.slice(0, shown).join(', ') + more;
}

/** The change in words; `shape` is what it changes from. */
export function changeWords(
  set: string,
  shape: { readonly attention: number; readonly ffn: number; readonly microbatches: number },
): string {
  const [name = '', value = ''] = set.split('=');
  const times = (what: string): string => `${what} times ${value}`;
  switch (name) {
    case 'ratio':
      return `${value.toUpperCase()} instead of ${shape.attention}A${shape.ffn}F, requests per attention worker as now`;
    case 'microbatches':
      return `${value} micro-batches instead of ${shape.microbatches}, each as large as now`;
    case 'batch':
      return times('requests of each micro-batch');
    case 'network':
      return times('transfer times');
    case 'fix':
      return `${value} as fast as the median of its group at the same load`;
    case 'experts':
      return 'routed tokens spread evenly over the FFN workers';
    default:
      return times(`time of ${name.replace(/^stage:/, '')}`);
  }
}
