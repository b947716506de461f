/** An ingest service that deletes often: `node retaining-child.ts FOLDER RAW_SECONDS`. */
import { startIngest } from '#collector/ingest/ingest-client.ts';
import { startOtlpHttp } from '#collector/receive/otlp-http.ts';
import { statsOf } from '#test/collector/receive/receiver-harness.ts';

const [dataDir = '', rawSeconds = ''] = process.argv.slice(2);
const ingest = await startIngest({
  dataDir,
  store: 'sqlite',
  retention: { rawNs: Number(rawSeconds) * 1e9, rawBytes: 1e12, rollupsNs: 1e18 },
  periods: { retainMs: 100, retainAgainMs: 10, statsMs: 50, probeMs: 100 },
});
const receiver = await startOtlpHttp({
  host: '127.0.0.1',
  port: 0,
  ingest,
  stats: statsOf(64 * 1024 * 1024),
});
process.stdout.write(`${JSON.stringify({ port: receiver.port })}\n`);
process.stdin.resume();
