/** Rules that explain each other in a circle: each would wait for the others to be told. */
import type { AlertRule } from '#lib/api/alert-rules.ts';

export type Explaining = Pick<AlertRule, 'name' | 'explains'>;

/** The names on a circle through `name`, from it to it again; null: there is none. Itself alone is none. */
export function circleThrough(name: string, rules: Iterable<Explaining>): string[] | null {
  const explains = new Map([...rules].map((rule) => [rule.name, rule.explains]));
  const seen = new Set<string>();
  const walk = (at: string, path: readonly string[]): string[] | null => {
    for (const next of explains.get(at) ?? []) {
      if (next === name && path.length > 1) return [...path, next];
      if (seen.has(next) || next === name) continue;
      seen.add(next);
      const found = walk(next, [...path, next]);
      if (found !== null) return found;
    }
    return null;
  };
  return walk(name, [name]);
}

export function circleText(path: readonly string[]): string {
  return `goes round in a circle: ${path.join(' → ')}`;
}
