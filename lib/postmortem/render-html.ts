/** The document as one HTML file: no script, nothing loaded, its style in it. */
import {
  type Block,
  type Document,
  type Run,
  type Runs,
  runsOf,
  type Section,
} from './document.ts';
import { type Markup, markup, NOTHING } from './markup.ts';
import { PICTURE_DEFS } from './picture-marks.ts';
import { STYLE } from './style.ts';

/** Nothing may run and nothing may be fetched, whatever names hold. */
export const REPORT_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

export function renderHtml(document: Document, baseUrl: string | null): string {
  const { title, subtitle, sections, footer } = document;
  const told = sections.filter(({ blocks }) => blocks.length > 0);
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${REPORT_POLICY}">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
${PICTURE_DEFS}
<main>
<header>
<h1>${title}</h1>
${subtitle.map((line) => markup`<p>${inline(line, baseUrl)}</p>\n`)}</header>
<nav aria-label="Contents"><ol>${told.map(
    ({ id, title: name }) => markup`<li><a href="#${id}">${name}</a></li>`,
  )}</ol></nav>
${told.map((section) => sectionHtml(section, baseUrl))}</main>
<footer><p>${footer}</p></footer>
</body>
</html>
`.text;
}

function sectionHtml({ id, title, blocks }: Section, baseUrl: string | null): Markup {
  return markup`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${blocks.map((block) => blockHtml(block, baseUrl))}</section>
`;
}

function blockHtml(block: Block, baseUrl: string | null): Markup {
  switch (block.kind) {
    case 'text':
      return markup`<p${block.look === undefined ? NOTHING : markup` class="${block.look}"`}>${inline(block.runs, baseUrl)}</p>\n`;
    case 'heading':
      return markup`<h3>${block.text}</h3>\n`;
    case 'list':
      return markup`<ul>${block.items.map((item) => markup`<li>${inline(item, baseUrl)}</li>`)}</ul>\n`;
    case 'figures':
      return markup`<dl class="figures">${block.items.map(
        ({ name, value, unit, note, title }) =>
          markup`<div><dt title="${title}">${name}</dt><dd><b>${value}</b> <span class="unit">${unit}</span></dd><dd class="note">${note}</dd></div>`,
      )}</dl>\n`;
    case 'table':
      return tableHtml(block, baseUrl);
    case 'picture':
      return markup`<figure>${block.picture}<figcaption>${block.caption}${
        block.legend.length === 0
          ? NOTHING
          : markup`<span class="legend">${block.legend.map(
              ({ label, mark }) => markup`<span>${mark} ${label}</span> `,
            )}</span>`
      }</figcaption></figure>\n`;
  }
}

function tableHtml(
  { caption, columns, rows, more }: Block & { readonly kind: 'table' },
  baseUrl: string | null,
): Markup {
  const look = (i: number): Markup =>
    columns[i]?.isNumber === true ? markup` class="number"` : NOTHING;
  const cell = (runs: Runs, i: number): Markup =>
    i === 0
      ? markup`<th scope="row"${look(i)}>${inline(runs, baseUrl)}</th>`
      : markup`<td${look(i)}>${inline(runs, baseUrl)}</td>`;
  const rest =
    more === ''
      ? NOTHING
      : markup`<tfoot><tr><td colspan="${columns.length}">${more}</td></tr></tfoot>`;
  return markup`<div class="table"><table><caption>${caption}</caption><thead><tr>${columns.map(
    ({ title }, i) => markup`<th scope="col"${look(i)}>${title}</th>`,
  )}</tr></thead><tbody>${rows.map((row) => markup`<tr>${row.map(cell)}</tr>`)}</tbody>${rest}</table></div>\n`;
}

function inline(runs: Runs, baseUrl: string | null): Markup {
  return markup`${runsOf(runs).map((run) => runHtml(run, baseUrl))}`;
}

function runHtml({ text, strong, muted, title, link }: Run, baseUrl: string | null): Markup {
  const hover = title === undefined ? NOTHING : markup` title="${title}"`;
  if (link !== undefined && baseUrl !== null) {
    const inner = strong === true ? markup`<strong>${text}</strong>` : markup`${text}`;
    return markup`<a href="${baseUrl + link}"${hover}>${inner}</a>`;
  }
  if (strong === true) return markup`<strong${hover}>${text}</strong>`;
  if (muted === true) return markup`<span class="muted"${hover}>${text}</span>`;
  return title === undefined ? markup`${text}` : markup`<span${hover}>${text}</span>`;
}
