import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { openStateWriter, openTelemetryWriter } from '#lib/store/open-store.ts';
import { describeStateStore } from './state-contract.ts';
import { describeTelemetryStore } from './telemetry-contract.ts';

const root = mkdtempSync(join(tmpdir(), 'afdscope-sqlite-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const location = () => ({ data: mkdtempSync(join(root, 'data-')) });

describeTelemetryStore('sqlite', () => openTelemetryWriter(location()));
describeStateStore('sqlite', () => openStateWriter(location()));
