/** HTML and SVG in which everything that is put in is escaped: names come from senders. */
import { plainText } from './plain-text.ts';

/** Text that is markup already; only `markup` makes it. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type MarkupValue = string | number | Markup | readonly MarkupValue[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A tag for templates. Attributes must stand in quotes. */
export function markup(parts: TemplateStringsArray, ...values: readonly MarkupValue[]): Markup {
  let text = parts[0]!;
  values.forEach((value, i) => {
    text += written(value) + parts[i + 1]!;
  });
  return new Markup(text);
}

export const NOTHING = new Markup('');

function written(value: MarkupValue): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') {
    return plainText(value).replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);
  }
  return value.map(written).join('');
}
