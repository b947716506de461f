/** What the simulated cluster is started with: flags only, so that a process list shows all of it. */
import { parseArgs } from 'node:util';
import { errorText } from '#lib/base/error-text.ts';
import { err, ok, type Result } from '#lib/base/result.ts';
import { SCENARIO_NAMES, type ScenarioName, scenarioSpec } from '#lib/pipeline/scenarios.ts';
import type { PipelineSpec } from '#lib/pipeline/spec.ts';

export interface SimulateOptions {
  /** Base URL of the OTLP/HTTP receiver, without a trailing slash. */
  readonly otlpUrl: string;
  readonly deployment: string;
  readonly scenario: ScenarioName;
  readonly attentionWorkers: number;
  readonly ffnWorkers: number;
  /** One step in so many is reported; null: as many as keep under what a process can report. */
  readonly reportEvery: number | null;
  readonly seed: number;
  /** One span a step and worker (docs/packed-steps.md) instead of one an event. */
  readonly packed: boolean;
  readonly controlPort: number;
}

/** What one process reports at a fifth of a core, whatever the cluster's size and speed. */
export const SPANS_PER_SECOND = 18_000;
/** The same where a span is a whole step. */
export const PACKED_EVENTS_PER_SECOND = 90_000;

export const USAGE = `usage: node collector/simulate/main.ts [options]
  --otlp URL           OTLP/HTTP receiver (default http://127.0.0.1:4318)
  --deployment NAME    afd.deployment (default demo)
  --scenario NAME      ${SCENARIO_NAMES.join(', ')} (default healthy)
  --attention N        attention workers (default 8)
  --ffn N              FFN workers (default 4)
  --report-every N     report one step in N (default: what keeps it below ${SPANS_PER_SECOND} spans/s)
  --packed             send packed steps: one span for each step of a worker
  --seed N             seed of all random numbers (default 1)
  --control-port N     port on 127.0.0.1 to read and switch faults; 0 picks one (default 0)
`;

/** The options, or one sentence that names the flag and what it must be. */
export function parseOptions(args: readonly string[]): Result<SimulateOptions, string> {
  let flags: Record<string, string | undefined>;
  let packed: boolean;
  try {
    const { packed: packedFlag, ...texts } = parseArgs({
      args: [...args],
      options: {
        otlp: { type: 'string' },
        deployment: { type: 'string' },
        scenario: { type: 'string' },
        attention: { type: 'string' },
        ffn: { type: 'string' },
        'report-every': { type: 'string' },
        packed: { type: 'boolean', default: false },
        seed: { type: 'string' },
        'control-port': { type: 'string' },
      },
    }).values;
    flags = texts;
    packed = packedFlag;
  } catch (error) {
    return err(errorText(error));
  }
  const problems: string[] = [];
  const whole = (flag: string, fallback: number, min: number, max: number): number => {
    const text = flags[flag];
    if (text === undefined) return fallback;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    problems.push(`--${flag} is "${text}", but must be a whole number from ${min} to ${max}`);
    return fallback;
  };
  const otlpUrl = (flags.otlp ?? 'http://127.0.0.1:4318').replace(/\/+$/, '');
  if (!/^https?:$/.test(URL.parse(otlpUrl)?.protocol ?? '')) {
    problems.push(`--otlp is "${otlpUrl}", but must be a URL such as http://127.0.0.1:4318`);
  }
  const scenario = SCENARIO_NAMES.find((name) => name === (flags.scenario ?? 'healthy'));
  if (scenario === undefined) {
    problems.push(
      `--scenario is "${flags.scenario}", but must be one of ${SCENARIO_NAMES.join(', ')}`,
    );
  }
  const reportEvery = whole('report-every', 0, 1, 100_000);
  const options: SimulateOptions = {
    otlpUrl,
    deployment: flags.deployment ?? 'demo',
    scenario: scenario ?? 'healthy',
    attentionWorkers: whole('attention', 8, 1, 512),
    ffnWorkers: whole('ffn', 4, 1, 512),
    reportEvery: reportEvery === 0 ? null : reportEvery,
    seed: whole('seed', 1, 0, 2 ** 32 - 1),
    packed,
    controlPort: whole('control-port', 0, 0, 65_535),
  };
  return problems.length > 0 ? err(problems.join('; ')) : ok(options);
}

export function clusterSpec(options: SimulateOptions, scenario: ScenarioName): PipelineSpec {
  return scenarioSpec(scenario, {
    deployment: options.deployment,
    attentionWorkers: options.attentionWorkers,
    ffnWorkers: options.ffnWorkers,
    listExperts: true,
  });
}
