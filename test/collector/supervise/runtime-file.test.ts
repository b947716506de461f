import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  processIsAlive,
  RuntimeFileError,
  readRuntimeFile,
  removeRuntimeFile,
  runtimeFilePath,
  writeRuntimeFile,
} from '#collector/supervise/runtime-file.ts';
import type { RuntimeFile } from '#lib/api/runtime-file.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'afdscope-runtime-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const runtime: RuntimeFile = {
  schema: 'afdscope.runtime/1',
  pid: process.pid,
  startedUnixMs: 1_793_000_000_000,
  otlpHttp: 'http://127.0.0.1:4318',
  otlpGrpc: '127.0.0.1:4317',
  admin: 'http://127.0.0.1:9464',
  web: null,
  adminToken: 'secret',
};

test('is written whole, for its owner only, over an old one too', () => {
  const path = runtimeFilePath(join(folder, 'new', 'data'));
  writeRuntimeFile(path, runtime);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readRuntimeFile(path)).toEqual(runtime);
  writeFileSync(path, 'half a li', { mode: 0o644 });
  writeRuntimeFile(path, { ...runtime, web: 'http://127.0.0.1:3000' });
  expect(readRuntimeFile(path)?.web).toBe('http://127.0.0.1:3000');
  expect(readdirSync(join(folder, 'new', 'data'))).toEqual(['runtime.json']);
});

test('a file that is not one is none', () => {
  const path = join(folder, 'runtime.json');
  expect(readRuntimeFile(path)).toBeNull();
  writeFileSync(path, '{"schema":"afdscope.runtime/99"}');
  expect(readRuntimeFile(path)).toBeNull();
});

test('is removed by who wrote it only', () => {
  const path = runtimeFilePath(folder);
  writeRuntimeFile(path, { ...runtime, pid: process.pid + 1 });
  removeRuntimeFile(path);
  expect(readRuntimeFile(path)).not.toBeNull();
  writeRuntimeFile(path, runtime);
  removeRuntimeFile(path);
  expect(readRuntimeFile(path)).toBeNull();
});

test('processes', () => {
  expect(processIsAlive(process.pid)).toBe(true);
  expect(processIsAlive(2 ** 22 + 1)).toBe(false);
});

test('what cannot be written is said in words', () => {
  const path = runtimeFilePath(join(folder, 'blocked'));
  writeFileSync(join(folder, 'blocked'), 'a file in the folder’s place');
  expect(() => writeRuntimeFile(path, runtime)).toThrow(RuntimeFileError);
  expect(() => writeRuntimeFile(path, runtime)).toThrow(/a folder is needed, or choose another/);
});
