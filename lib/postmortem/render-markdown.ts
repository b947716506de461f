/** The document as GitHub-flavoured Markdown. */
import { type Block, type Document, type Run, type Runs, runsOf } from './document.ts';
import { plainText } from './plain-text.ts';

/** Links stand together at the end, each address once, so that the text can be read as it is. */
class MarkdownWriter {
  readonly #baseUrl: string | null;
  readonly #addresses = new Map<string, number>();

  constructor(baseUrl: string | null) {
    this.#baseUrl = baseUrl;
  }

  links(): string[] {
    return [...this.#addresses].map(([address, number]) => `[${number}]: ${address}`);
  }

  block(block: Block): string {
    switch (block.kind) {
      case 'text':
        return this.inline(block.runs);
      case 'heading':
        return `### ${escaped(block.text)}`;
      case 'list':
        return block.items.map((item) => `- ${this.inline(item)}`).join('\n');
      case 'figures':
        return tableText(
          ['Figure', 'Value', ''],
          ['---', '---:', '---'],
          block.items.map(({ name, value, unit, note }) =>
            [name, `${value} ${unit}`.trimEnd(), note].map(escaped),
          ),
        );
      case 'table': {
        const rule = block.columns.map(({ isNumber }) => (isNumber === true ? '---:' : '---'));
        const rows = block.rows.map((row) => row.map((runs) => this.inline(runs)));
        const titles = block.columns.map((column) => escaped(column.title));
        const more = block.more === '' ? '' : `\n\n${escaped(block.more)}`;
        return `${escaped(block.caption)}:\n\n${tableText(titles, rule, rows)}${more}`;
      }
      case 'picture':
        return escaped(block.caption);
    }
  }

  inline(runs: Runs): string {
    return runsOf(runs)
      .map((run) => this.#run(run))
      .join('');
  }

  #run({ text, strong, link }: Run): string {
    const own = escaped(text);
    // Emphasis must touch its text.
    const [, before = '', inner = '', after = ''] = /^(\s*)(.*?)(\s*)$/s.exec(own) ?? [];
    const bold = strong === true && inner !== '' ? `**${inner}**` : inner;
    if (link === undefined || this.#baseUrl === null || inner === '') return before + bold + after;
    return `${before}[${bold}][${this.#numberOf(this.#baseUrl + link)}]${after}`;
  }

  #numberOf(address: string): number {
    const safe = address.replaceAll(/[()<>\\\s]/g, percentEncoded);
    const known = this.#addresses.get(safe);
    if (known !== undefined) return known;
    this.#addresses.set(safe, this.#addresses.size + 1);
    return this.#addresses.size;
  }
}

export function renderMarkdown(document: Document, baseUrl: string | null): string {
  const { title, subtitle, sections, footer } = document;
  const writer = new MarkdownWriter(baseUrl);
  const parts = [
    `# ${escaped(title)}`,
    ...subtitle.map((line) => writer.inline(line)),
    ...sections
      .filter(({ blocks }) => blocks.length > 0)
      .flatMap((section) => [
        `## ${escaped(section.title)}`,
        ...section.blocks.map((block) => writer.block(block)),
      ]),
    '---',
    escaped(footer),
  ];
  const links = writer.links();
  if (links.length > 0) parts.push(links.join('\n'));
  return `${parts.join('\n\n')}\n`;
}

function tableText(
  titles: readonly string[],
  rule: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return [titles, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/**
 * Text that stays text: no emphasis, link, code, tag, cell, mention or heading comes of it, and no
 * address is made a link.
 */
function escaped(text: string): string {
  return plainText(text)
    .replaceAll(
      /[&<>@]|:(?=\/\/)|(?<=www)\.|[\\`*_[\]|~#]/gi,
      (mark) => ENTITIES[mark] ?? `\\${mark}`,
    )
    .replace(
      /^(\s*)([-+]|\d+[.)])(?=\s)/,
      (_all, space: string, bullet: string) =>
        `${space}${bullet.slice(0, -1)}\\${bullet.slice(-1)}`,
    );
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '@': '&#64;',
  ':': '&#58;',
  '.': '&#46;',
};
