/**
 * The changes that the what-if is asked about: as the `set` texts of API and URL
 * (lib/api/whatif.ts), and as what the controls show. Texts that no control makes are dropped, so
 * that any URL opens the page.
 */

export interface StageFactor {
  readonly stage: string;
  readonly factor: number;
}

export interface WhatifChoice {
  readonly attention: number | null;
  readonly ffn: number | null;
  readonly microbatches: number | null;
  readonly batch: number | null;
  readonly network: number | null;
  /** Worker ids. */
  readonly fix: readonly string[];
  readonly levelExperts: boolean;
  readonly stages: readonly StageFactor[];
}

export const NO_CHOICE: WhatifChoice = {
  attention: null,
  ffn: null,
  microbatches: null,
  batch: null,
  network: null,
  fix: [],
  levelExperts: false,
  stages: [],
};

export const MAX_WORKERS = 4096;
export const MAX_MICROBATCHES = 8;
/** Factors of times and batch. */
export const FACTOR_LIMITS: readonly [number, number] = [0.05, 20];

export function parseChoice(set: readonly string[]): WhatifChoice {
  let choice = NO_CHOICE;
  for (const text of set) choice = withChange(choice, text);
  return choice;
}

function withChange(choice: WhatifChoice, text: string): WhatifChoice {
  const at = text.indexOf('=');
  const name = text.slice(0, Math.max(0, at));
  const value = text.slice(at + 1);
  const factor = parseFactor(value);
  switch (name) {
    case 'ratio': {
      const match = /^(\d{1,4})A(\d{1,4})F$/.exec(value);
      const [attention, ffn] = [Number(match?.[1]), Number(match?.[2])];
      return isCount(attention, MAX_WORKERS) && isCount(ffn, MAX_WORKERS)
        ? { ...choice, attention, ffn }
        : choice;
    }
    case 'microbatches':
      return /^\d$/.test(value) && isCount(Number(value), MAX_MICROBATCHES)
        ? { ...choice, microbatches: Number(value) }
        : choice;
    case 'batch':
    case 'network':
      return factor === null ? choice : { ...choice, [name]: factor };
    case 'fix':
      return value === '' || choice.fix.includes(value)
        ? choice
        : { ...choice, fix: [...choice.fix, value] };
    case 'experts':
      return value === 'level' ? { ...choice, levelExperts: true } : choice;
    default: {
      const stage = /^stage:(.+)$/.exec(name)?.[1];
      if (stage === undefined || factor === null) return choice;
      const others = choice.stages.filter((entry) => entry.stage !== stage);
      return { ...choice, stages: [...others, { stage, factor }] };
    }
  }
}

/** The texts of a choice; changes that change nothing are left out. */
export function choiceSet(
  choice: WhatifChoice,
  today: { attention: number; ffn: number },
): string[] {
  const attention = choice.attention ?? today.attention;
  const ffn = choice.ffn ?? today.ffn;
  const isOther = attention !== today.attention || ffn !== today.ffn;
  return [
    ...(isOther ? [`ratio=${attention}A${ffn}F`] : []),
    ...(choice.microbatches === null ? [] : [`microbatches=${choice.microbatches}`]),
    ...factorText('batch', choice.batch),
    ...factorText('network', choice.network),
    ...choice.fix.map((worker) => `fix=${worker}`),
    ...(choice.levelExperts ? ['experts=level'] : []),
    ...choice.stages.flatMap(({ stage, factor }) => factorText(`stage:${stage}`, factor)),
  ];
}

function factorText(name: string, factor: number | null): string[] {
  return factor === null || factor === 1 ? [] : [`${name}=${Number(factor.toPrecision(4))}`];
}

/** null: not a factor within the limits. */
export function parseFactor(text: string): number | null {
  if (!/^\d{1,3}(\.\d{1,6})?$/.test(text)) return null;
  const factor = Number(text);
  return factor >= FACTOR_LIMITS[0] && factor <= FACTOR_LIMITS[1] ? factor : null;
}

/** null: not a count from 1 to `max`. */
export function parseCount(text: string, max: number): number | null {
  return /^\d{1,6}$/.test(text) && isCount(Number(text), max) ? Number(text) : null;
}

function isCount(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= max;
}
