/** Parameters of a question as they were written, checked. */
import { BadQuestionError } from './errors.ts';

/** A whole number in digits. undefined: `missing`. @throws BadQuestionError */
export function wholeNumber(
  parameter: string,
  text: string | undefined,
  { least = 0, most = Number.MAX_SAFE_INTEGER }: { least?: number; most?: number } = {},
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new BadQuestionError(
    parameter,
    `"${text.slice(0, 40)}" is no ${parameter}: write a whole number from ${least} to ${most}.`,
  );
}

/** @throws BadQuestionError */
export function oneOf<Name extends string>(
  parameter: string,
  text: string | undefined,
  names: readonly Name[],
): Name | undefined {
  if (text === undefined) return undefined;
  const found = names.find((name) => name === text);
  if (found !== undefined) return found;
  throw new BadQuestionError(
    parameter,
    `"${text.slice(0, 40)}" is no ${parameter}: write ${names.join(' or ')}.`,
  );
}
