/** docs/connect/gpu-metrics: the configuration holds together, and names what the page shows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { GPU_FIGURES } from '#lib/live/gpu-activity.ts';
import { ROOT } from '#test/support/afdscope-process.ts';

const FOLDER = join(ROOT, 'docs/connect');
const page = readFileSync(join(FOLDER, 'gpu-metrics.md'), 'utf8');

const names = z.array(z.string());
const configSchema = z.object({
  receivers: z.object({
    prometheus: z.object({
      config: z.object({
        scrape_configs: z.array(
          z.object({
            job_name: z.string(),
            scrape_interval: z.string(),
            scrape_timeout: z.string(),
            static_configs: z.array(z.object({ targets: names })),
          }),
        ),
      }),
    }),
  }),
  processors: z.object({
    'filter/dcgm': z.object({ metrics: z.object({ metric: names }) }).loose(),
    batch: z.object({ timeout: z.string() }),
  }),
  exporters: z.record(z.string(), z.object({ endpoint: z.string() })),
  service: z.object({
    pipelines: z.object({
      metrics: z.object({ receivers: names, processors: names, exporters: names }),
    }),
  }),
});

const config = configSchema.parse(
  parse(readFileSync(join(FOLDER, 'gpu-metrics.yaml'), 'utf8')) as unknown,
);
/** Fields that dcgm-exporter is told to give. */
const fields = [...page.matchAll(/^(DCGM_\w+), gauge,/gm)].map((match) => match[1] ?? '');

test('the pipeline names components that are there, and variables that the page explains', () => {
  const { receivers, processors, exporters } = config.service.pipelines.metrics;
  expect(receivers).toEqual(Object.keys(config.receivers));
  expect(processors).toEqual(Object.keys(config.processors));
  expect(exporters).toEqual(Object.keys(config.exporters));
  const yaml = readFileSync(join(FOLDER, 'gpu-metrics.yaml'), 'utf8');
  const variables = [...yaml.matchAll(/\$\{env:(\w+)\}/g)].map((match) => match[1]);
  expect(variables.length).toBeGreaterThan(0);
  for (const variable of variables) expect(page).toContain(`    ${variable}=`);
});

test('the filter keeps the fields that the page tells dcgm-exporter to give, and no other', () => {
  const [condition = ''] = config.processors['filter/dcgm'].metrics.metric;
  // "$$" is a dollar sign: the Collector would take "$" for a variable.
  const pattern = /IsMatch\(name, "(.+)"\)/.exec(condition)?.[1]?.replaceAll('$$', '$') ?? '';
  const kept = new RegExp(pattern);
  expect(fields).toHaveLength(4);
  for (const field of fields) expect(kept.test(field), field).toBe(true);
  for (const other of [
    'DCGM_FI_DEV_GPU_UTIL',
    'DCGM_FI_DEV_POWER_USAGE_X',
    'up',
    'scrape_samples_scraped',
  ]) {
    expect(kept.test(other), other).toBe(false);
  }
});

test('every figure that the page shows comes of these fields, and is fresh by their interval', () => {
  const [job] = config.receivers.prometheus.config.scrape_configs;
  expect(Number.parseInt(job?.scrape_interval ?? '', 10)).toBeLessThanOrEqual(10);
  const source = readFileSync(join(ROOT, 'lib/live/gpu-activity.ts'), 'utf8');
  const figureOf = new Map(
    [...source.matchAll(/\['(\w+)', '(\w+)'\]/g)].map((match) => [match[1], match[2]]),
  );
  expect(new Set(fields.map((field) => figureOf.get(field)))).toEqual(new Set(GPU_FIGURES));
});
