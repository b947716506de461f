/** What would be an empty file is refused in words. */
import { expect, test } from 'vitest';
import { EXPORT_FORMATS } from '#lib/query/export-formats.ts';
import { exportBytes, storeOf } from '#test/support/export-file.ts';
import { skewedCluster } from '#test/support/skewed-cluster.ts';

const table = skewedCluster(3, { steps: 4, offsetNs: 0, driftPpm: 0 }).right;
const { deployment } = table.workers[0]!;

test.each(EXPORT_FORMATS.map(({ name }) => name))('%s', async (format) => {
  const store = await storeOf([table]);
  const ask = (selection: object) => exportBytes(store, { format, deployment, ...selection });
  const endUnixNs = table.baseUnixNs + 3_600_000_000_000n;
  await expect(
    ask({ from: String(endUnixNs), to: String(endUnixNs + 1_000_000_000n) }),
  ).rejects.toThrow('no events in this window');
  await expect(ask({ workers: 'attention/99,ffn/98' })).rejects.toThrow(
    /no events of attention\/99, ffn\/98 in this window/,
  );
  expect((await ask({})).length).toBeGreaterThan(100);
  const { options = [] } = EXPORT_FORMATS.find(({ name }) => name === format)!;
  if (!options.includes('stages')) return;
  await expect(ask({ options: { stages: 'expert,atention' } })).rejects.toThrow(
    /stage "atention" \(did you mean attention\?\); its stages are .*attention.*expert/,
  );
  await expect(ask({ options: { stages: 'zzzzzzzz' } })).rejects.toThrow(
    /stage "zzzzzzzz"; its stages are /,
  );
  expect((await ask({ options: { stages: 'expert' } })).length).toBeGreaterThan(100);
});
