/**
 * Annotations: text with {{ names }}. Names are filled in, never computed: a message that goes out at
 * night must not fail by a typing error, so unknown names are found when rules are read.
 */
import { labelOf } from '#lib/api/matchers.ts';

/** What every annotation may name, beside `labels.…`. */
export const TEMPLATE_NAMES = [
  'value',
  'raw_value',
  'threshold',
  'raw_threshold',
  'compare',
  'deployment',
  'rule',
  'metric',
  'severity',
  'window',
  'for',
  'since',
] as const;
export type TemplateName = (typeof TEMPLATE_NAMES)[number];

export interface TemplateValues {
  readonly names: Readonly<Record<TemplateName, string>>;
  /** Of the alert, then labels and facts of the series that its value is of. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Spaces at both ends are cut off afterwards: to look for them here takes time that grows with their cube. */
const NAME = /\{\{([^{}]*)\}\}/g;

/** A label that the series does not have is left empty. */
export function renderTemplate(text: string, { names, labels }: TemplateValues): string {
  return text.replace(NAME, (whole, written: string) => {
    const name = written.trim();
    if (name.startsWith('labels.')) return labelOf(labels, name.slice(7));
    const known = TEMPLATE_NAMES.find((one) => one === name);
    return known === undefined ? whole : names[known];
  });
}

/** The names in braces that mean nothing, as they are written. */
export function unknownNames(text: string): string[] {
  return [...text.matchAll(NAME)]
    .map(([, name]) => name!.trim())
    .filter(
      (name) =>
        !/^labels\.[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) &&
        !TEMPLATE_NAMES.some((known) => known === name),
    );
}
