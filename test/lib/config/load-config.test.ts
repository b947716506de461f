import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type ConfigSources,
  configToEnv,
  flagName,
  type LoadedConfig,
  loadConfig,
} from '#lib/config/load-config.ts';
import { configKeys, fileSchema } from '#lib/config/schema.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'afdscope-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function load(sources: Partial<ConfigSources> = {}): LoadedConfig {
  const loaded = loadConfig({ env: {}, cwd: folder, ...sources });
  if (!loaded.ok) throw new Error(loaded.error.join('\n'));
  return loaded.value;
}

function problemsOf(yaml: string, sources: Partial<ConfigSources> = {}): string {
  writeFileSync(join(folder, 'bad.yaml'), yaml);
  const loaded = loadConfig({ env: {}, cwd: folder, file: 'bad.yaml', ...sources });
  if (loaded.ok) throw new Error('this configuration was accepted');
  return loaded.error.join('\n');
}

describe('values', () => {
  test('defaults, without a file', () => {
    const { config, file } = load();
    expect(file).toBeNull();
    expect(config).toEqual({
      dataDir: join(folder, 'data'),
      kernels: null,
      alerts: {
        rulesFile: null,
        receiversFile: null,
        externalUrl: null,
        tpotTargetNs: 50e6,
        recordBeforeNs: 60e9,
        recordAfterNs: 60e9,
        recordBytes: 5e9,
      },
      importMaxBytes: 16e9,
      store: 'sqlite',
      otlpHttp: { host: '127.0.0.1', port: 4318 },
      otlpGrpc: { host: '127.0.0.1', port: 4317 },
      corsOrigins: [],
      admin: { host: '127.0.0.1', port: 9464 },
      web: { host: '127.0.0.1', port: 3000 },
      retention: { rawNs: 7200e9, rawBytes: 20e9, rollupsNs: 90 * 86_400e9 },
      limits: { bodyBytes: 64 * 2 ** 20, bytesInFlight: 256 * 2 ** 20 },
    });
  });

  test('flags come before variables, variables before the file, the file before defaults', () => {
    writeFileSync(
      join(folder, 'order.yaml'),
      'data: from-file\nretention:\n  raw: 1h\n  rollups: 30d\nweb: 127.0.0.1:1\n',
    );
    const { config, origins } = load({
      file: 'order.yaml',
      env: { AFDSCOPE_RETENTION_RAW: '20m', AFDSCOPE_WEB: '127.0.0.1:2', AFDSCOPE_STORE: '' },
      flags: { web: '127.0.0.1:3', admin: undefined },
    });
    expect(config.dataDir).toBe(join(folder, 'from-file'));
    expect(config.retention.rawNs).toBe(1200e9);
    expect(config.retention.rollupsNs).toBe(30 * 86_400e9);
    expect(config.web.port).toBe(3);
    expect(config.store).toBe('sqlite');
    expect([...origins]).toEqual([
      ['data', 'order.yaml'],
      ['web', '--web'],
      ['retention.raw', 'AFDSCOPE_RETENTION_RAW'],
      ['retention.rollups', 'order.yaml'],
    ]);
  });

  test('a data folder in the file is relative to the file, in a variable to the working folder', () => {
    writeFileSync(join(folder, 'data.yaml'), 'data: here\n');
    const file = join(folder, 'data.yaml');
    expect(load({ cwd: '/', file }).config.dataDir).toBe(join(folder, 'here'));
    expect(load({ cwd: '/', file, env: { AFDSCOPE_DATA: 'there' } }).config.dataDir).toBe('/there');
  });

  test('the default file is read where it lies, and only then', () => {
    const path = join(folder, 'afdscope.yaml');
    writeFileSync(path, 'store: http://127.0.0.1:8123\n');
    try {
      expect(load().config.store).toBe('http://127.0.0.1:8123');
      expect(load().file).toBe(path);
      expect(load({ file: null }).config.store).toBe('sqlite');
    } finally {
      rmSync(path);
    }
  });

  test('children get the same configuration through the environment', () => {
    const { config } = load({
      env: {
        AFDSCOPE_OTLP_CORS_ORIGINS: 'https://a.example, http://b.example:8080',
        AFDSCOPE_ADMIN: '[::1]:9000',
        AFDSCOPE_RETENTION_RAW: '90s',
        AFDSCOPE_LIMITS_BODY_BYTES: '1MiB',
      },
    });
    expect(config.corsOrigins).toEqual(['https://a.example', 'http://b.example:8080']);
    expect(load({ cwd: '/', file: null, env: configToEnv(config) }).config).toEqual(config);
  });
});

describe('errors', () => {
  test('name file, key, value and what is allowed', () => {
    expect(problemsOf('retention:\n  raw: 2 parsecs\n')).toBe(
      'bad.yaml: retention.raw: "2 parsecs" is not allowed: write a duration such as 30s, 15m, 2h, 90d or 1h30m',
    );
    expect(problemsOf('otlp:\n  http: 4318\n')).toContain(
      'bad.yaml: otlp.http: 4318 is not allowed',
    );
    expect(problemsOf('data: [a, b]\n')).toContain('bad.yaml: data: ["a","b"] is not allowed');
    expect(problemsOf('retention: 2h\n')).toContain('bad.yaml: retention: "2h" is not allowed');
  });

  test('name the variable or the flag that brought the value', () => {
    expect(problemsOf('', { env: { AFDSCOPE_WEB: 'nope' } })).toMatch(
      /^AFDSCOPE_WEB: "nope" is not allowed: write host:port/,
    );
    expect(problemsOf('', { flags: { 'retention.rawBytes': 'lots' } })).toMatch(
      /^--retention-raw-bytes: "lots" is not allowed: write a size/,
    );
  });

  test('unknown keys are errors, with the nearest known one', () => {
    expect(problemsOf('retention:\n  rwa: 2h\n')).toBe(
      'bad.yaml: retention.rwa: unknown key; did you mean retention.raw?',
    );
    expect(problemsOf('colour: blue\n')).toContain(
      'colour: unknown key; known keys are data, store',
    );
  });

  test('several at once', () => {
    expect(problemsOf('web: x\nadmin: y\nfoo: 1\n').split('\n')).toHaveLength(3);
  });

  test('limits that contradict each other', () => {
    expect(problemsOf('limits:\n  bodyBytes: 2MB\n  bytesInFlight: 1MB\n')).toContain(
      'limits.bytesInFlight',
    );
  });

  test('a file that is not there, not YAML, not a mapping', () => {
    const missing = loadConfig({ env: {}, cwd: folder, file: 'none.yaml' });
    expect(!missing.ok && missing.error.join()).toContain('none.yaml: there is no such file');
    expect(problemsOf('a: [1\n')).toContain('bad.yaml: not valid YAML');
    expect(problemsOf('just text\n')).toContain('bad.yaml: expected keys');
  });

  test('a variable that nobody reads is a warning', () => {
    expect(
      load({
        env: {
          AFDSCOPE_OTLP_HTPP: 'x',
          AFDSCOPE_RUNTIME: 'y',
          AFDSCOPE_PROBE: '0',
          AFDSCOPE_PROBE_ADAPTERS: 'vllm',
          HOME: '/',
        },
      }).warnings,
    ).toEqual([
      'AFDSCOPE_OTLP_HTPP is set, but afdscope does not know it; did you mean AFDSCOPE_OTLP_HTTP?',
    ]);
  });
});

describe('the list of keys', () => {
  test('is that of the schema', () => {
    const keys = Object.entries(fileSchema.shape).flatMap(([key, value]) =>
      'shape' in value ? Object.keys(value.shape).map((inner) => `${key}.${inner}`) : [key],
    );
    expect(configKeys.map((entry) => entry.key)).toEqual(keys);
    for (const { key, variable } of configKeys) {
      const words = key.replaceAll('.', '_').replace(/[A-Z]/g, (letter) => `_${letter}`);
      expect(variable).toBe(`AFDSCOPE_${words.toUpperCase()}`);
    }
    expect(flagName('retention.rawBytes')).toBe('--retention-raw-bytes');
  });

  test('is that of the example file, which holds the defaults', () => {
    const path = new URL('../../../afdscope.example.yaml', import.meta.url).pathname;
    const { config, origins } = load({ file: path });
    expect({ ...config, dataDir: '' }).toEqual({ ...load().config, dataDir: '' });
    expect([...origins.keys()]).toEqual(configKeys.map((entry) => entry.key));
    for (const { variable } of configKeys) expect(readFileSync(path, 'utf8')).toContain(variable);
  });
});
