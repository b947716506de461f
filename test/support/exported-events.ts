/** Events of a store as `afdscope export --format csv` writes them. */
import { expect } from 'vitest';
import { runAfdscope } from './afdscope-process.ts';

/** A row by the names of the header; `''` where the event does not have it. */
export type ExportedEvent = Readonly<Record<string, string>>;

/** Every event that the store holds of a deployment. Fields must hold neither commas nor quotes. */
export async function exportedEvents(data: string, deployment: string): Promise<ExportedEvent[]> {
  const args = ['export', '--data', data, '--deployment', deployment, '--format', 'csv', '-o', '-'];
  const { code, stdout, stderr } = await runAfdscope(args);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const [header = '', ...lines] = stdout.trimEnd().split('\r\n');
  const names = header.split(',');
  return lines.map((line) => {
    const fields = line.split(',');
    expect(fields).toHaveLength(names.length);
    return Object.fromEntries(names.map((name, i) => [name, fields[i] ?? '']));
  });
}
