/** Both forms of a report with names that would be markup, if they could. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Document, table, text } from '#lib/postmortem/document.ts';
import { localText, utcText } from '#lib/postmortem/instants.ts';
import { markup } from '#lib/postmortem/markup.ts';
import { renderHtml } from '#lib/postmortem/render-html.ts';
import { renderMarkdown } from '#lib/postmortem/render-markdown.ts';

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</style></title><svg onload=alert(1)>',
  '&lt;b&gt; &amp;amp;',
  '`code` **bold** _it_ [x](http://evil.example) | cell',
  '@everyone https://evil.example www.evil.example',
  '# heading',
  '1. list',
  'a\u202Eb\u0007\uD800c\nd',
];

function documentOf(name: string): Document {
  return {
    title: name,
    subtitle: [name, { text: name, link: `/?d=${encodeURIComponent(name.toWellFormed())}` }],
    sections: [
      {
        id: 'one',
        title: name,
        blocks: [
          text([{ text: name, strong: true, title: name }, name]),
          { kind: 'heading', text: name },
          { kind: 'list', items: [name] },
          { kind: 'figures', items: [{ name, value: name, unit: name, note: name, title: name }] },
          ...table(name, [{ title: name }, { title: name, isNumber: true }], [[name, name]]),
          {
            kind: 'picture',
            picture: markup`<svg aria-label="${name}"><text>${name}</text></svg>`,
            caption: name,
            legend: [{ label: name, mark: markup`<svg></svg>` }],
          },
        ],
      },
      { id: 'empty', title: 'Nothing', blocks: [] },
    ],
    footer: name,
  };
}

/** Every tag of the page with the names of its attributes, without what stands in them. */
function tagsOf(html: string): string[] {
  const tags = [...html.matchAll(/<(\/?[a-zA-Z!][\w]*)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*\/?>/g)];
  expect(html.split('<')).toHaveLength(tags.length + 1);
  return tags.map(([, name, attributes]) =>
    [name, ...attributes!.replaceAll(/="[^"]*"/g, '').split(/\s+/)].join(' '),
  );
}

describe('HTML', () => {
  const plain = tagsOf(renderHtml(documentOf('plain'), 'http://scope'));

  test.each(HOSTILE)('%j stays text', (name) => {
    const html = renderHtml(documentOf(name), 'http://scope');
    expect(tagsOf(html)).toEqual(plain);
  });

  test('any text stays text, whole and well formed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (name) => {
        const html = renderHtml(documentOf(name), 'http://scope');
        expect(html.isWellFormed()).toBe(true);
        expect(tagsOf(html)).toEqual(plain);
      }),
      { numRuns: 200 },
    );
  });

  test('has no script, loads nothing, and leaves empty sections out', () => {
    const html = renderHtml(documentOf('a'), 'http://scope');
    expect(html).not.toMatch(/<script|<link|src=|@import|url\(http/);
    expect(html).not.toContain('Nothing');
    expect(html).toContain('default-src &#39;none&#39;');
  });

  test('links only where there is a dashboard', () => {
    expect(renderHtml(documentOf('a'), 'http://scope')).toContain('href="http://scope/?d=a"');
    expect(renderHtml(documentOf('a'), null)).not.toContain('href="http');
  });

  test('tables have headers of rows and columns, and pictures words', () => {
    const html = renderHtml(documentOf('a'), null);
    expect(html).toContain('<th scope="col">');
    expect(html).toContain('<th scope="row">');
    expect(html).toContain('<caption>a</caption>');
    expect(html).toContain('<svg aria-label="a">');
  });
});

describe('Markdown', () => {
  test.each(HOSTILE)('%j is no markup', (name) => {
    const whole = renderMarkdown(documentOf(name), 'http://scope');
    const markdown = whole.replaceAll(/^\[\d+\]: \S+$/gm, '');
    expect(markdown).not.toContain('<');
    expect(markdown).not.toMatch(/(?<!\\)`|(?<!\\)\]\(|https:\/\/evil|www\.evil|@every/);
    const [head, rule, row] = markdown
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .slice(-3);
    const cells = (line: string): number => line.match(/(?<!\\)\|/g)!.length;
    expect([cells(head!), cells(rule!), cells(row!)]).toEqual([3, 3, 3]);
  });

  test('tells each link once, at its end', () => {
    const markdown = renderMarkdown(documentOf('a'), 'http://scope');
    expect(markdown.match(/http:\/\/scope/g)).toHaveLength(1);
    expect(markdown.trimEnd().endsWith('[1]: http://scope/?d=a')).toBe(true);
  });
});

test('more rows than there is room for are counted', () => {
  const rows = Array.from({ length: 320 }, (_, i) => [`worker ${i}`]);
  const [block] = table('Workers', [{ title: 'Worker' }], rows, 12);
  expect(block).toMatchObject({ more: 'and 308 more' });
  expect(block?.kind === 'table' ? block.rows.length : 0).toBe(12);
});

test('instants are told in UTC and in a named zone, wherever the report is made', () => {
  expect(utcText('1767225601234567891')).toBe('2026-01-01 00:00:01.234 UTC');
  expect(localText('1767225601234567891', 'Asia/Kolkata')).toBe('2026-01-01 05:30:01.234 GMT+5:30');
  expect(localText('1783123201234567891', 'Europe/Berlin')).toBe('2026-07-04 02:00:01.234 GMT+2');
});
