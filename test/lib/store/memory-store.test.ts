import { MemoryStateStore } from '#lib/store/memory-state-store.ts';
import { MemoryStore } from '#lib/store/memory-store.ts';
import { describeStateStore } from './state-contract.ts';
import { describeTelemetryStore } from './telemetry-contract.ts';

describeTelemetryStore('memory', async () => new MemoryStore());
describeStateStore('memory', async () => new MemoryStateStore());
