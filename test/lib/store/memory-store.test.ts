import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { MemoryStateStore } from '#lib/store/memory-state-store.ts';
import { MemoryStore } from '#lib/store/memory-store.ts';
import { describeMarksStore } from './marks-contract.ts';
import { describePackedStore } from './packed-contract.ts';
import { describeStateStore } from './state-contract.ts';
import { describeTelemetryStore } from './telemetry-contract.ts';

const open = async () => {
  const store = new MemoryStore();
  store.unpacker = new PackedUnpacker();
  return store;
};

describeTelemetryStore('memory', open);
describeMarksStore('memory', open);
describePackedStore({ name: 'memory', open, tidy: async () => {} });
describeStateStore('memory', async () => new MemoryStateStore());
