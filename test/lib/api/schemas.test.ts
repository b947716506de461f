import { describe, expect, expectTypeOf, test } from 'vitest';
import type { z } from 'zod';
import { buildReport } from '#lib/analysis/build-report.ts';
import type { Report } from '#lib/analysis/report-types.ts';
import { openApiDocument } from '#lib/api/openapi.ts';
import { PROBLEM_KINDS, problem, problemKind, problemSchema } from '#lib/api/problem.ts';
import { type ReportJson, reportSchema } from '#lib/api/report-schema.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';

type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

describe('report schema', () => {
  test('is the report contract, in both directions', () => {
    expectTypeOf<DeepReadonly<ReportJson>>().toExtend<Report>();
    expectTypeOf<Report>().toExtend<DeepReadonly<ReportJson>>();
    expectTypeOf<keyof Report>().toEqualTypeOf<keyof ReportJson>();
    expectTypeOf<keyof Report['workers'][number]>().toEqualTypeOf<
      keyof ReportJson['workers'][number]
    >();
    expectTypeOf<keyof NonNullable<Report['balance']>>().toEqualTypeOf<
      keyof NonNullable<ReportJson['balance']>
    >();
  });

  test('knows every field of a real report: a strict parse changes nothing', () => {
    const spec = scenarioSpec('healthy', { layers: 4, denseLayers: 1 });
    const report = buildReport({
      events: [simulateSteps(spec, { steps: 4 })],
      deployment: 'demo',
      rejected: { not_afd: 2 },
    });
    expect(report.workers).toHaveLength(12);
    expect(report.balance).not.toBeNull();
    // zod drops unknown keys, so equality says that there are none.
    expect(reportSchema.parse(report)).toEqual(report);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });
});

describe('problem documents', () => {
  test.each(PROBLEM_KINDS)('%s has a status, a title and comes back', (kind) => {
    const document = problemSchema.parse(problem(kind, 'What to do.', 'from'));
    expect(document.status).toBeGreaterThanOrEqual(400);
    expect(document.title).not.toBe('');
    expect(problemKind(document)).toBe(kind);
    expect('parameter' in problem(kind, 'x')).toBe(false);
  });

  test('a foreign type has no kind', () => {
    expect(problemKind({ type: 'about:blank', title: '', status: 500, detail: '' })).toBeNull();
  });
});

describe('openApiDocument', () => {
  const document = JSON.parse(JSON.stringify(openApiDocument())) as {
    paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
    components: { schemas: Record<string, z.core.JSONSchema.BaseSchema> };
  };

  test('every reference leads somewhere, every operation says how it fails', () => {
    const references = JSON.stringify(document).matchAll(
      /"\$ref":"#\/components\/schemas\/(\w+)"/g,
    );
    const names = [...references].map(([, name]) => name!);
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) expect(Object.keys(document.components.schemas)).toContain(name);
    for (const operations of Object.values(document.paths)) {
      for (const operation of Object.values(operations)) {
        expect(Object.keys(operation.responses)).toContain('default');
      }
    }
  });

  test('only a timeline and its tiles can be asked for again', () => {
    const tagged = Object.keys(document.paths).filter(
      (path) => document.paths[path]?.get?.responses['304'] !== undefined,
    );
    expect(tagged).toEqual([
      '/api/v1/deployments/{id}/timeline',
      '/api/v1/deployments/{id}/timeline/tile',
    ]);
  });

  test('the report’s schema is the contract’s', () => {
    const report = document.components.schemas.Report!;
    expect(report.required).toContain('quality');
    expect(report.properties?.exactness).toMatchObject({ enum: ['raw', 'rollup'] });
  });
});
