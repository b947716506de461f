/** Code blocks and links of the project's Markdown pages. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface DocBlock {
  readonly page: string;
  readonly language: string;
  /** What stands behind the language, such as `needs=some-package`. */
  readonly more: string;
  readonly text: string;
}

export function pagesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.md'));
}

/** Fenced blocks of a page, in order. */
export function blocksOf(folder: string, page: string): DocBlock[] {
  const text = readFileSync(join(folder, page), 'utf8');
  return [...text.matchAll(/^```(\w*) ?([^\n]*)\n(.*?)^```$/gms)].map((match) => ({
    page,
    language: match[1] ?? '',
    more: match[2] ?? '',
    text: match[3] ?? '',
  }));
}

/** Targets of links to other files of the project, without anchors. */
export function fileLinksOf(folder: string, page: string): string[] {
  const text = readFileSync(join(folder, page), 'utf8');
  return [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
    .map((match) => match[1] ?? '')
    .filter((target) => !/^[a-z]+:/.test(target));
}
