/**
 * docs/connect: what can be run is run. Python blocks run against a real collector, the manifests'
 * environment is given to a worker process, YAML is read, links lead somewhere.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { ROOT, startCollector } from '#test/support/afdscope-process.ts';
import { blocksOf, fileLinksOf, pagesIn } from '#test/support/doc-blocks.ts';
import { type ExportedEvent, exportedEvents } from '#test/support/exported-events.ts';
import { PYTHON } from '#test/support/python.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

const FOLDER = join(ROOT, 'docs/connect');
const LONG_ENOUGH = 120_000;
const blocks = pagesIn(FOLDER).flatMap((page) => blocksOf(FOLDER, page));

/** Runs a script as a worker's process would run it. */
function runPython(script: string, env: Readonly<Record<string, string>>): Promise<string> {
  const child = spawn(PYTHON ?? '', ['-c', script], {
    env: {
      ...process.env,
      PYTHONPATH: join(ROOT, 'probe'),
      PYTHONDONTWRITEBYTECODE: '1',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(stderr) : reject(new Error(`ended with ${code}: ${stderr}`)),
    );
  });
}

/** An engine whose names are those of own-engine.md's block for code that nobody changes. */
const FOREIGN_ENGINE: Readonly<Record<string, string>> = {
  '__init__.py': '',
  'link.py': `
class Meta:
    layer, ubatch = 3, 1

class Hidden(list):
    nbytes = 4096
    shape = (2,)

def send(hidden, meta):
    pass

def receive():
    return Meta()
`,
  'engine.py': `
from my import link

class Layer:
    index = 3

    def attend(self, hidden, ubatch):
        return hidden

class Engine:
    def step(self, step_id):
        hidden = Layer().attend(link.Hidden(), 1)
        link.send(hidden, link.Meta())
        link.receive()
`,
};

function countByStage(events: readonly ExportedEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { worker, stage } of events) {
    const key = `${worker} ${stage}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

const fieldRef = z.object({ fieldRef: z.object({ fieldPath: z.string() }) });
const variable = z.object({
  name: z.string(),
  value: z.string().optional(),
  valueFrom: fieldRef.optional(),
});
const manifest = z.object({
  kind: z.string(),
  metadata: z.object({ name: z.string() }),
  spec: z.looseObject({
    template: z
      .object({
        spec: z.object({ containers: z.array(z.object({ env: z.array(variable) })) }),
      })
      .optional(),
  }),
});

/** A container's environment as Kubernetes makes it: `$(NAME)` of variables that stand above. */
function containerEnv(
  variables: readonly z.infer<typeof variable>[],
  pod: Readonly<Record<string, string>>,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { name, value, valueFrom } of variables) {
    const text = valueFrom === undefined ? (value ?? '') : pod[valueFrom.fieldRef.fieldPath];
    if (text === undefined) throw new Error(`${name}: no such field of a pod`);
    env[name] = text.replaceAll(/\$\((\w+)\)/g, (whole, other: string) => env[other] ?? whole);
  }
  return env;
}

const collectorConfig = z.object({
  receivers: z.record(z.string(), z.unknown()),
  processors: z.record(z.string(), z.unknown()),
  extensions: z.record(z.string(), z.unknown()),
  exporters: z.record(
    z.string(),
    z.object({
      sending_queue: z.object({ storage: z.string(), batch: z.object({ max_size: z.int() }) }),
    }),
  ),
  service: z.object({
    extensions: z.array(z.string()),
    pipelines: z.record(
      z.string(),
      z.object({
        receivers: z.array(z.string()),
        processors: z.array(z.string()),
        exporters: z.array(z.string()),
      }),
    ),
  }),
});

describe('docs/connect', () => {
  test('links lead to files', () => {
    for (const page of pagesIn(FOLDER)) {
      for (const target of fileLinksOf(FOLDER, page)) {
        expect(existsSync(join(FOLDER, target)), `${page}: ${target}`).toBe(true);
      }
    }
  });

  test('shell blocks are shell, YAML blocks are YAML', () => {
    for (const { page, language, text } of blocks) {
      if (language === 'sh') {
        const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
        expect(status, `${page}: ${stderr}`).toBe(0);
      }
      if (language === 'yaml') expect(parse(text), page).not.toBeNull();
    }
  });

  test('the OpenTelemetry Collector’s pipelines name what is there, and batches fit', () => {
    const text = readFileSync(join(FOLDER, 'otel-collector.yaml'), 'utf8');
    const config = collectorConfig.parse(parse(text));
    const { service, exporters, receivers, processors, extensions } = config;
    expect(Object.keys(service.pipelines).sort()).toEqual(['metrics', 'traces']);
    for (const pipeline of Object.values(service.pipelines)) {
      expect(Object.keys(receivers)).toEqual(expect.arrayContaining(pipeline.receivers));
      expect(Object.keys(processors)).toEqual(expect.arrayContaining(pipeline.processors));
      expect(Object.keys(exporters)).toEqual(expect.arrayContaining(pipeline.exporters));
    }
    expect(Object.keys(extensions)).toEqual(service.extensions);
    for (const { sending_queue: queue } of Object.values(exporters)) {
      expect(service.extensions).toContain(queue.storage);
      expect(queue.batch.max_size).toBeLessThanOrEqual(64 * 1024 * 1024);
    }
  });
});

describe.skipIf(PYTHON === null)('docs/connect, Python', () => {
  test(
    'what own-engine.md shows is stored as it says',
    async () => {
      const data = scratchFolder();
      const { otlpHttp } = await startCollector(data);
      const own = blocks.filter(
        ({ page, language, more }) =>
          page === 'own-engine.md' && language === 'python' && more === '',
      );
      expect(own).toHaveLength(3);
      for (const { text } of own) {
        expect(await runPython(text, { OTEL_EXPORTER_OTLP_ENDPOINT: otlpHttp })).toBe('');
      }
      const events = await exportedEvents(data, 'own');
      expect(countByStage(events)).toEqual({
        'attention/0 attention': 24,
        'attention/0 a2f_send': 24,
        'attention/0 f2a_recv': 24,
        'ffn/0 a2f_recv': 24,
        'ffn/0 expert': 24,
        'ffn/0 f2a_send': 24,
        'attention/1 attention': 1,
        'attention/1 a2f_send': 1,
      });
      const expert = events.find(({ stage }) => stage === 'expert');
      expect(expert).toMatchObject({ tokens: '64', expert_tokens: '40 8 12 4' });
      const recorded = events.find(
        ({ worker, stage }) => worker === 'attention/1' && stage === 'a2f_send',
      );
      expect(recorded).toMatchObject({
        raw_duration_ns: '70000',
        step: '7',
        layer: '3',
        peer: '2',
      });
    },
    LONG_ENOUGH,
  );

  test(
    'code that nobody changed is recorded by the names of its callables',
    async () => {
      const folder = scratchFolder();
      mkdirSync(join(folder, 'my'));
      for (const [name, text] of Object.entries(FOREIGN_ENGINE)) {
        writeFileSync(join(folder, 'my', name), text);
      }
      const block = blocks.find(({ text }) => text.includes('AFDSCOPE_PROBE_WRAP='))?.text ?? '';
      const told = spawnSync('bash', ['-c', `${block}\nenv -0`], { encoding: 'utf8' }).stdout;
      const env = Object.fromEntries(
        told
          .split('\0')
          .filter((pair) => /^(AFDSCOPE_PROBE|OTEL)_/.test(pair))
          .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
      );
      const data = scratchFolder();
      const { otlpHttp } = await startCollector(data);
      const script = `
import sys
sys.path.insert(0, ${JSON.stringify(folder)})
import afdscope_probe.auto
from my.engine import Engine
Engine().step(5)
`;
      await runPython(script, { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: otlpHttp });
      const at = { worker: 'attention/0', step: '5', layer: '3', microbatch: '1' };
      expect(await exportedEvents(data, 'prod')).toMatchObject([
        { ...at, stage: 'attention', tokens: '2' },
        { ...at, stage: 'a2f_send', size_bytes: '4096' },
        { ...at, stage: 'f2a_recv' },
      ]);
    },
    LONG_ENOUGH,
  );

  test(
    'blocks of the engines’ pages run where no engine is installed, and say nothing',
    async () => {
      const other = blocks.filter(
        ({ page, language }) => page !== 'own-engine.md' && language === 'python',
      );
      expect(other.length).toBeGreaterThan(2);
      for (const { text } of other) expect(await runPython(text, {})).toBe('');
    },
    LONG_ENOUGH,
  );

  test(
    'the manifest’s environment makes a worker what it should be',
    async () => {
      const text = readFileSync(join(FOLDER, 'kubernetes.yaml'), 'utf8');
      const objects = parseAllDocuments(text).map((document) => {
        expect(document.errors).toEqual([]);
        return manifest.parse(document.toJS());
      });
      expect(objects.map(({ kind }) => kind)).toEqual(['Service', 'StatefulSet', 'StatefulSet']);
      const worker = objects.find(({ metadata }) => metadata.name === 'decode-ffn');
      const pod = { 'spec.nodeName': 'node-a', 'metadata.name': 'decode-ffn-3' };
      const env = containerEnv(worker?.spec.template?.spec.containers[0]?.env ?? [], pod);
      expect(env.OTEL_EXPORTER_OTLP_ENDPOINT).toBe('http://afdscope:4318');

      const data = scratchFolder();
      const { otlpHttp } = await startCollector(data);
      const script = `
import afdscope_probe as afdscope
probe = afdscope.start()
with probe.step(1), probe.stage("expert", 0, 0):
    pass
`;
      const here = { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: otlpHttp };
      expect(await runPython(script, here)).toBe('');
      expect(await exportedEvents(data, 'prod')).toMatchObject([
        { worker: 'ffn/3', role: 'ffn', host: 'node-a', clock_domain: 'node-a', stage: 'expert' },
      ]);
    },
    LONG_ENOUGH,
  );
});
