/** Runs probe/examples/pipeline, and reads what its workers measured themselves. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { ROOT } from './afdscope-process.ts';

const stageSchema = z.object({
  count: z.int(),
  innerNs: z.int(),
  outerNs: z.int(),
  tokens: z.int(),
  bytes: z.int(),
  contextTokens: z.int(),
  expertTokens: z.array(z.int()),
});
export type StageMeasured = z.infer<typeof stageSchema>;

const workerSchema = z.object({
  role: z.enum(['attention', 'ffn']),
  rank: z.int(),
  stages: z.record(z.string(), stageSchema),
  receives: z.object({
    count: z.int(),
    innerNs: z.int(),
    outerNs: z.int(),
    waitLowNs: z.int(),
    waitHighNs: z.int(),
  }),
  /** Of each step: outer and inner start of its first stage, inner and outer end of its last. */
  stepStamps: z.array(z.tuple([z.int(), z.int(), z.int(), z.int()])),
  sampled: z.string().optional(),
  blockedReceivingNs: z.int(),
  blockedSendingNs: z.int(),
  residentBytes: z.array(z.int()),
  flushed: z.boolean().optional(),
  probe: z.record(z.string(), z.unknown()).optional(),
});
export type WorkerMeasured = z.infer<typeof workerSchema>;

const runSchema = z.object({
  settings: z.object({
    attention_ranks: z.int(),
    expert_ranks: z.int(),
    microbatches: z.int(),
    layers: z.int(),
    steps: z.int(),
    tokens: z.int(),
    deployment: z.string(),
  }),
  workers: z.array(workerSchema),
});
export type PipelineRun = z.infer<typeof runSchema>;

/** Small work whatever the machine: what is measured does not depend on it. */
const SMALL_WORK = ['--bytes-per-us', '200', '--attention-us', '400', '--expert-us', '400'];

export class PipelineProcess {
  readonly finished: Promise<PipelineRun>;
  readonly #child: ChildProcess;

  constructor(python: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const script = join(ROOT, 'probe/examples/pipeline/run.py');
    const child = spawn(python, [script, '--json', ...SMALL_WORK, ...args], {
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    this.finished = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        if (code === 0) resolve(runSchema.parse(JSON.parse(stdout)));
        else reject(new Error(`the pipeline ended with ${code}: ${stderr}`));
      });
    });
    onTestFinished(() => {
      child.kill('SIGTERM');
    });
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }
}

/** Runs a pipeline to its end. */
export function runPipeline(
  python: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<PipelineRun> {
  return new PipelineProcess(python, args, env).finished;
}

/** Events that the workers know of, all together. */
export function eventsOf(run: PipelineRun): number {
  return run.workers
    .flatMap((worker) => Object.values(worker.stages))
    .reduce((sum, stage) => sum + stage.count, 0);
}
