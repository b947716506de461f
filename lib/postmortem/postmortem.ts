/** A post-mortem report as one file. */
import { postmortemDocument } from './build-document.ts';
import type { PostmortemFacts } from './facts.ts';
import { renderHtml } from './render-html.ts';
import { renderMarkdown } from './render-markdown.ts';

export const POSTMORTEM_FORMATS = ['html', 'md'] as const;
export type PostmortemFormat = (typeof POSTMORTEM_FORMATS)[number];

/** Equal facts give equal text. */
export function renderPostmortem(facts: PostmortemFacts, format: PostmortemFormat): string {
  const document = postmortemDocument(facts);
  const { baseUrl } = facts.made;
  return format === 'html' ? renderHtml(document, baseUrl) : renderMarkdown(document, baseUrl);
}

/** Such as `prod-postmortem-20261127T164418Z.html`. */
export function postmortemFileName(
  deployment: string,
  startUnixNs: string,
  format: PostmortemFormat,
): string {
  const name = deployment.replaceAll(/[^\w.-]+/g, '_').slice(0, 60) || 'deployment';
  const at = new Date(Number(BigInt(startUnixNs) / 1_000_000n)).toISOString();
  return `${name}-postmortem-${at.slice(0, 19).replaceAll(/[-:]/g, '')}Z.${format}`;
}
