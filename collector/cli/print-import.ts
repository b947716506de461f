/** What an import brought, for people. */
import type { ImportJson } from '#lib/api/imports.ts';
import { countText } from './figures.ts';
import { printable } from './printable.ts';
import { formatTable } from './text-table.ts';

export function formatImport(done: ImportJson): string {
  const lines: string[] = [];
  lines.push(
    done.duplicate
      ? `imported before (${done.id}); nothing was stored again`
      : `imported ${done.files.filter(({ error }) => error === null).length} of ${done.files.length} files (${done.id})`,
  );
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

function instant(unixNs: string): string {
  return new Date(Number(BigInt(unixNs) / 1_000_000n)).toISOString();
}
