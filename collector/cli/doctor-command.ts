/** `afdscope doctor`: prints what `doctor.ts` finds. */
import type { CommandIo } from './command-io.ts';
import { loadCommandConfig } from './config-options.ts';
import { runChecks } from './doctor.ts';
import { formatTable } from './text-table.ts';

export async function doctorCommand(
  io: CommandIo,
  options: Readonly<Record<string, unknown>>,
): Promise<number> {
  const { config } = loadCommandConfig(io, options);
  const nodeVersion = process.versions.node;
  const checks = await runChecks({ config, root: io.root, nodeVersion, nowUnixMs: Date.now() });
  const failed = checks.some(({ state }) => state === 'failed');
  if (options.json === true) {
    io.print(JSON.stringify({ ok: !failed, checks }, null, 2));
  } else {
    const columns = [{ title: 'check' }, { title: 'state' }, { title: 'detail' }];
    const rows = checks.map(({ name, state, detail }) => [name, state, detail]);
    io.print(formatTable(columns, rows).join('\n'));
  }
  return failed ? 1 : 0;
}
