import { existsSync, mkdirSync } from 'node:fs';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { timelineTile } from '#lib/query/timeline-tile.ts';
import { tileBytes } from '#lib/query/tile-answer.ts';
import { openTelemetryReader, openTelemetryWriter } from '#lib/store/open-store.ts';
import { seededRandom } from '#test/support/afd-table.ts';
import { fillStore } from '#test/support/bench/fill-store.ts';
import { QueryTimes } from '#test/support/bench/query-times.ts';
import { unixNanos } from '#lib/base/units.ts';
const data = '/tmp/ts/data';
if (!existsSync(data)) {
  mkdirSync(data, { recursive: true });
  const store = await openTelemetryWriter({ data });
  const f = await fillStore(store, { events: 12e6, eventsPerSecond: 530000 });
  console.log(f.events, Number(f.toUnixNs - f.fromUnixNs));
  await store.close();
}
const reader = await openTelemetryReader({ data, unpacker: new PackedUnpacker() });
const [d] = await reader.deployments();
const random = seededRandom(3);
const [lo, hi, workers] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]];
const from0 = 1_795_442_400_000_000_000n;
const wholeNs = 20e9;
const times = new QueryTimes();
const kinds = new Map<string, number>();
for (let n = 0; n < 40; n++) {
  const lengthNs = 2 ** (lo + random() * (hi - lo));
  const from = from0 + BigInt(Math.floor(random() * (wholeNs - lengthNs)));
  const t = await times.measure(async () => {
    const tile = await timelineTile(reader, { deployment: d!.deployment, from: String(from), to: String(from + BigInt(Math.ceil(lengthNs))), workers }, unixNanos(from0 + 100_000_000_000n));
    const { detail, source } = tile.header;
    tileBytes(tile);
    return { k: detail + source + ' ' + tile.header.notes.join(), bytes: 1 };
  });
  kinds.set(t.k, (kinds.get(t.k) ?? 0) + 1);
}
console.log(kinds, times.cpuMs(0.5), times.cpuMs(0.95));
