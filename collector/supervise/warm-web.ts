/**
 * Asks the web server once what a first visitor would: its query threads start, load their code and
 * open the store, and the code of tiles is compiled, before anybody waits for it.
 */
import { fetchDeployments } from '#lib/api/client.ts';
import { fetchTimelineTile } from '#lib/api/timeline-client.ts';

const MOST_MS = 20_000;
/** Questions at once: as many as there are threads (lib/query/query-pool.ts), so that each gets one. */
const AT_ONCE = 2;
const WINDOW_NS = 20_000_000n;
const BINS = 1024;

/**
 * Resolves when it is done, or in vain, where nothing is stored yet or the server ends: the first visitor
 * waits then, as without it, and is told what is wrong.
 */
export async function warmWeb(baseUrl: string): Promise<void> {
  const options = { baseUrl, signal: AbortSignal.timeout(MOST_MS) };
  const lists = await Promise.allSettled(
    Array.from({ length: AT_ONCE }, () => fetchDeployments(options)),
  );
  const newest = lists
    .flatMap((list) => (list.status === 'fulfilled' ? list.value.deployments : []))
    .map(({ id, lastSeenUnixNs }) => ({ id, to: BigInt(lastSeenUnixNs) }))
    .reduce<{ id: string; to: bigint } | null>(
      (best, next) => (best === null || next.to > best.to ? next : best),
      null,
    );
  if (newest === null) return;
  await Promise.allSettled(
    Array.from({ length: AT_ONCE }, (_, i) => {
      const to = newest.to - BigInt(i) * WINDOW_NS;
      const window = { from: String(to - WINDOW_NS), to: String(to), bins: BINS };
      return fetchTimelineTile(newest.id, window, options);
    }),
  );
}
