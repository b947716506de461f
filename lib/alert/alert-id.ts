/** Names of series and alerts: the same whatever order their labels come in. */
import type { SeriesLabels } from './sample.ts';

/** Equal for equal labels. */
export function labelsKey(labels: SeriesLabels): string {
  return Object.keys(labels)
    .sort()
    .map((name) => `${name}\u0001${labels[name]}`)
    .join('\u0002');
}

/** Of a rule and the labels that its alert is told apart by: 16 hexadecimal digits. */
export function alertId(rule: string, labels: SeriesLabels): string {
  const text = `${rule}\u0003${labelsKey(labels)}`;
  return hash32(text, 0x811c9dc5) + hash32(text, 0x9747b28c);
}

/** FNV-1a over UTF-16 units, mixed at the end so that the last ones reach all digits. */
function hash32(text: string, seed: number): string {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0).toString(16).padStart(8, '0');
}
