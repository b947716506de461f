/** A receiver over SQLite in a process of its own, to be killed: `node collector-child.ts FOLDER`. */
import { startIngest } from '#collector/ingest/ingest-client.ts';
import { startOtlpHttp } from '#collector/receive/otlp-http.ts';
import { statsOf } from './receiver-harness.ts';

const dataDir = process.argv[2];
if (dataDir === undefined) throw new Error('usage: node collector-child.ts FOLDER');
const ingest = await startIngest({
  dataDir,
  store: 'sqlite',
  retention: { rawNs: 1e18, rawBytes: 1e12, rollupsNs: 1e18 },
  // Often, so that kills come in the middle of it.
  periods: { sumsMs: 40, retainMs: 30, retainAgainMs: 5 },
});
const receiver = await startOtlpHttp({
  host: '127.0.0.1',
  port: 0,
  ingest,
  stats: statsOf(64 * 1024 * 1024),
});
process.send?.({ port: receiver.port });
process.on('disconnect', () => process.exit(0));
