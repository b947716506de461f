/** What is missing of the way of a micro-batch, in words. */
import type { Assembled } from '#lib/model/assembled.ts';
import { Kind, Stage } from '#lib/table/codes.ts';
import { workerId } from '#lib/table/worker-info.ts';
import type { FlowPart } from './flow-arrows.ts';

/** Workers that one sentence names. */
const MAX_NAMED = 8;

/** Each side's way, as events that every worker of it has where the layer crosses the network. */
const WAYS = [
  ['attention', [Stage.a2f_send, Stage.f2a_recv]],
  ['ffn', [Stage.a2f_recv, Stage.f2a_send]],
] as const;

/** `step`: row of the step table. Empty: nothing is missing. */
export function flowGaps(assembled: Assembled, step: number, parts: readonly FlowPart[]): string[] {
  const { events, workerSteps } = assembled;
  const stagesOf = new Map<number, Set<number>>();
  let crosses = false;
  for (const { row } of parts) {
    const worker = events.worker[row]!;
    const own = stagesOf.get(worker) ?? new Set<number>();
    stagesOf.set(worker, own);
    own.add(events.stage[row]!);
    if (CROSSING.has(events.stage[row]!)) crosses = true;
  }
  const gaps = unmatched(assembled, parts);
  if (!crosses) return gaps;
  const workers = [...events.workers.keys()].filter((w) =>
    workerSteps.step.subarray(workerSteps.offsets[w]!, workerSteps.offsets[w + 1]!).includes(step),
  );
  for (const [role, way] of WAYS) {
    const side = workers.filter((w) => events.workers[w]!.role === role);
    if (side.length === 0) gaps.push(`No worker of the ${role} side reported this step.`);
    const silent = side.filter((w) => !stagesOf.has(w));
    if (silent.length > 0) {
      gaps.push(`${named(assembled, silent)} reported nothing of this layer and micro-batch.`);
    }
    for (const stage of way) {
      const without = side.filter((w) => stagesOf.has(w) && !stagesOf.get(w)!.has(stage));
      if (without.length === 0) continue;
      gaps.push(`${named(assembled, without)} reported no ${events.stageNames[stage]!}.`);
    }
  }
  return gaps;
}

const CROSSING: ReadonlySet<number> = new Set(WAYS.flatMap(([, way]) => way));

/** Receives that no send was found for. */
function unmatched({ events, receives, keyOf }: Assembled, parts: readonly FlowPart[]): string[] {
  const receivers = new Set(
    parts.flatMap(({ row }) => (events.kind[row] === Kind.receive ? [keyOf[row]!] : [])),
  );
  const alone = new Set<number>();
  for (let r = 0; r < receives.length; r++) {
    if (receives.lastSend[r]! < 0 && receivers.has(receives.key[r]!))
      alone.add(receives.worker[r]!);
  }
  if (alone.size === 0) return [];
  const whose = [...alone].slice(0, MAX_NAMED).map((w) => workerId(events.workers[w]!));
  return [`The send that ${whose.join(', ')} received from is not there.`];
}

function named({ events }: Assembled, workers: readonly number[]): string {
  const ids = workers.slice(0, MAX_NAMED).map((w) => workerId(events.workers[w]!));
  const more = workers.length - ids.length;
  return more > 0 ? `${ids.join(', ')} and ${more} more` : ids.join(', ');
}
