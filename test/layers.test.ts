/**
 * The map of the code base, as a test. Each room may import only the rooms and packages that its
 * row names; type imports count; everything else fails. It also prints the graph: run
 * `npx vitest run test/layers.test.ts` to see it.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cycles, type ImportEdge, importsOf, sourceFiles } from '#test/support/import-graph.ts';

interface Row {
  readonly rooms: readonly string[];
  readonly npm?: readonly string[];
  /** May it use node: modules? Rooms without are pure or browser-safe. */
  readonly node?: boolean;
}

const LIB = (names: string): string[] => names.split(' ').map((name) => `lib/${name}`);

const LAYERS: Readonly<Record<string, Row>> = {
  'lib/base': { rooms: [] },
  'lib/table': { rooms: LIB('base') },
  'lib/wire': { rooms: LIB('base table') },
  'lib/model': { rooms: LIB('base table') },
  'lib/pipeline': { rooms: LIB('base table model') },
  'lib/analysis': { rooms: LIB('base table model pipeline') },
  'lib/archive': { rooms: LIB('base table'), npm: ['zod'], node: true },
  'lib/ingest': { rooms: LIB('base table wire model'), npm: ['yaml'], node: true },
  'lib/export': {
    rooms: LIB('base table wire model analysis'),
    npm: ['apache-arrow', 'protobufjs'],
  },
  'lib/store': {
    rooms: LIB('base table model'),
    npm: ['better-sqlite3', 'drizzle-orm'],
    node: true,
  },
  'lib/alert': { rooms: LIB('base table model analysis api'), npm: ['yaml', 'zod'], node: true },
  'lib/live': { rooms: LIB('base table model analysis') },
  'lib/api': { rooms: LIB('base'), npm: ['zod'] },
  'lib/view': { rooms: LIB('base api'), npm: ['yaml'] },
  'lib/postmortem': { rooms: LIB('base api view') },
  'lib/config': { rooms: LIB('base'), npm: ['zod', 'yaml'], node: true },
  'lib/query': {
    rooms: LIB(
      'base table wire model pipeline analysis archive ingest export store alert api config postmortem',
    ),
    npm: ['zod'],
    node: true,
  },
  collector: {
    rooms: [
      ...LIB(
        'base table wire model pipeline analysis archive ingest export store alert live api config query',
      ),
      'bin',
    ],
    npm: [
      '@opentelemetry/api',
      '@opentelemetry/exporter-metrics-otlp-proto',
      '@opentelemetry/exporter-trace-otlp-proto',
      '@opentelemetry/resources',
      '@opentelemetry/sdk-metrics',
      '@opentelemetry/sdk-node',
      '@opentelemetry/sdk-trace',
      'commander',
      'fastify',
      'nodemailer',
      'pino',
      'pino-pretty',
      'prom-client',
      'yaml',
      'zod',
    ],
    node: true,
  },
  'app/api': {
    rooms: [...LIB('base api config query'), 'app/_server'],
    npm: ['next', 'zod'],
    node: true,
  },
  'app/_server': { rooms: LIB('base api config query'), npm: ['zod'], node: true },
  app: {
    rooms: [...LIB('base api view'), 'app/_server'],
    npm: [
      '@tanstack/react-query',
      'echarts',
      'lucide-react',
      'next',
      'radix-ui',
      'react',
      'react-dom',
      'zod',
    ],
  },
  bin: { rooms: [], node: true },
};

const MAX_LINES = 500;
const ROOT = resolve(import.meta.dirname, '..');
const files = sourceFiles(ROOT, ['lib', 'collector', 'app', 'bin']);
const edges = files.flatMap((file) => importsOf(ROOT, file));

/** The row a file belongs to: the longest prefix, so that app/api is not app. */
function roomOf(path: string): string | undefined {
  return Object.keys(LAYERS)
    .filter((room) => path.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0];
}

function violation(edge: ImportEdge): string | undefined {
  const room = roomOf(edge.from);
  if (room === undefined) return `${edge.from} is in no room of the table`;
  const row = LAYERS[room]!;
  if (edge.kind === 'npm') {
    return row.npm?.includes(edge.to) ? undefined : `${edge.from} uses the package ${edge.to}`;
  }
  if (edge.kind === 'node') {
    return row.node === true ? undefined : `${edge.from} uses ${edge.to}`;
  }
  if (/\.(css|json)$/.test(edge.to)) return undefined;
  if (!existsSync(join(ROOT, edge.to)))
    return `${edge.from} imports ${edge.to}, which is not there`;
  const target = roomOf(edge.to);
  if (target === room || (target !== undefined && row.rooms.includes(target))) return undefined;
  return `${edge.from} imports ${edge.to}`;
}

describe('layers', () => {
  test('every import is one that its room may make', () => {
    expect(edges.map(violation).filter((text) => text !== undefined)).toEqual([]);
  });

  test('no import cycles, types included', () => {
    expect(cycles(files, edges)).toEqual([]);
  });

  test("browser files ('use client' and what they reach) stay in the browser's rooms", () => {
    const reached = new Set(
      files.filter((file) => /^['"]use client['"]/.test(readFileSync(join(ROOT, file), 'utf8'))),
    );
    for (const file of reached) {
      for (const edge of edges) {
        if (edge.from === file && edge.kind === 'file' && files.includes(edge.to)) {
          reached.add(edge.to);
        }
      }
    }
    const allowed = ['lib/base', 'lib/api', 'lib/view', 'app'];
    expect([...reached].filter((file) => !allowed.includes(roomOf(file) ?? ''))).toEqual([]);
  });

  test(`no file over ${MAX_LINES} lines`, () => {
    const all = [...files, ...sourceFiles(ROOT, ['test'])];
    const tooLong = all
      .map((file) => ({ file, lines: readFileSync(join(ROOT, file), 'utf8').split('\n').length }))
      .filter(({ lines }) => lines > MAX_LINES);
    expect(tooLong).toEqual([]);
  });

  test('every path that a README or a document names exists', () => {
    const missing: string[] = [];
    for (const document of documents(ROOT)) {
      const text = readFileSync(join(ROOT, document), 'utf8').replace(/```[\s\S]*?```/g, '');
      for (const match of text.matchAll(
        /`((?:[\w.@[\]-]+\/)*[\w.[\]-]+\.(?:ts|tsx|js|md|py|yaml|json|png))`/g,
      )) {
        const path = match[1]!;
        const candidates = [join(ROOT, path), join(ROOT, dirname(document), path)];
        const generated = /^(data|dist|\.next|node_modules)\//.test(path) || !path.includes('/');
        if (!generated && !candidates.some((c) => existsSync(c)))
          missing.push(`${document}: ${path}`);
      }
    }
    expect(missing).toEqual([]);
  });

  test('prints the graph', () => {
    const arrows = new Map<string, Map<string, number>>();
    for (const edge of edges) {
      const from = roomOf(edge.from);
      const to = edge.kind === 'file' ? roomOf(edge.to) : undefined;
      if (from === undefined || to === undefined || from === to) continue;
      const row = arrows.get(from) ?? new Map<string, number>();
      arrows.set(from, row.set(to, (row.get(to) ?? 0) + 1));
    }
    const lines = Object.keys(LAYERS)
      .filter((room) => existsSync(join(ROOT, room)))
      .map((room) => {
        const count = files.filter((file) => roomOf(file) === room).length;
        const to = [...(arrows.get(room) ?? [])].map(([name, n]) => `${name} (${n})`).join(', ');
        return `  ${room.padEnd(13)} ${String(count).padStart(3)} files  -> ${to || 'nothing'}`;
      });
    process.stdout.write(`\nImport graph (room, files, rooms it imports)\n${lines.join('\n')}\n`);
    expect(lines.length).toBeGreaterThan(0);
  });
});

function documents(root: string): string[] {
  const found: string[] = [];
  const visit = (folder: string): void => {
    for (const name of readdirSync(join(root, folder))) {
      if (name === 'node_modules' || name === 'data' || name.startsWith('.')) continue;
      const path = folder === '' ? name : `${folder}/${name}`;
      if (statSync(join(root, path)).isDirectory()) visit(path);
      else if (name.endsWith('.md')) found.push(path);
    }
  };
  visit('');
  return found;
}
