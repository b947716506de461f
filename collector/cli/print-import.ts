/** What an import brought, for people. */
import type { ImportJson } from '#lib/api/imports.ts';
import { countText } from './figures.ts';
import { printable } from './printable.ts';
import { formatTable } from './text-table.ts';

export function formatImport(done: ImportJson): string {
  const lines: string[] = [];
  lines.push(
    done.duplicate ? `imported before (${done.id}); nothing was stored again` : importedText(done),
  );
  const left = leftOutLines(done);
  if (left.length > 0)
    lines.push(`left out, nothing was taken of:`, ...left.map((line) => `  ${line}`));
  const right = { align: 'right' } as const;
  lines.push(
    ...formatTable(
      [
        { title: 'deployment' },
        { title: 'from' },
        { title: 'to' },
        { title: 'events', ...right },
        { title: 'points', ...right },
        { title: 'steps', ...right },
        { title: 'workers', ...right },
      ],
      done.deployments.map((one) => [
        printable(one.deployment),
        one.window === null ? '' : instant(one.window.fromUnixNs),
        one.window === null ? '' : instant(one.window.toUnixNs),
        countText(one.events),
        countText(one.points),
        countText(one.steps),
        countText(one.workers),
      ]),
    ),
  );
  const rejected = Object.entries(done.rejected).filter(([, count]) => count > 0);
  if (rejected.length > 0) {
    const list = rejected.map(([reason, count]) => `${reason} ${countText(count)}`).join(', ');
    lines.push(`refused or changed: ${list}`);
  }
  if (done.duplicateEvents > 0) {
    lines.push(`${countText(done.duplicateEvents)} events were there before`);
  }
  if (done.annotations > 0) lines.push(`${countText(done.annotations)} notes`);
  return lines.join('\n');
}

function importedText({ id, files }: ImportJson): string {
  const leftOut = files.filter(({ error }) => error !== null).length;
  const count =
    leftOut === 0 ? String(files.length) : `${files.length - leftOut} of ${files.length}`;
  return `imported ${count} ${files.length === 1 ? 'file' : 'files'} (${id})`;
}

/** Of each file that was not taken its name and why. */
export function leftOutLines({ files }: Pick<ImportJson, 'files'>): readonly string[] {
  return files.flatMap(({ name, error }) => {
    if (error === null) return [];
    return [printable(error.startsWith(`${name}: `) ? error : `${name}: ${error}`)];
  });
}

function instant(unixNs: string): string {
  return new Date(Number(BigInt(unixNs) / 1_000_000n)).toISOString();
}
