/**
 * Asks the web server once what a first visitor would: its query threads start, load their code and
 * open the store, and the code of tiles is compiled, before anybody waits for it.
 */
import { ApiProblem, fetchDeployments } from '#lib/api/client.ts';
import { fetchTimelineTile } from '#lib/api/timeline-client.ts';

const MOST_MS = 20_000;
/** Questions at once: as many as there are threads (lib/query/query-pool.ts), so that each gets one. */
const AT_ONCE = 2;
const WINDOW_NS = 20_000_000n;
const BINS = 1024;

/** Resolves when it is done, or in vain: then the first visitor waits, as without it. */
export async function warmWeb(baseUrl: string): Promise<void> {
  const options = { baseUrl, signal: AbortSignal.timeout(MOST_MS) };
  try {
    const [listed] = await Promise.all(
      Array.from({ length: AT_ONCE }, () => fetchDeployments(options)),
    );
    const seen = listed?.deployments.map(({ id, lastSeenUnixNs }) => ({
      id,
      to: BigInt(lastSeenUnixNs),
    }));
    const newest = seen?.reduce((a, b) => (b.to > a.to ? b : a), seen[0]!);
    if (newest === undefined) return;
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, i) => {
        const to = newest.to - BigInt(i) * WINDOW_NS;
        const window = { from: String(to - WINDOW_NS), to: String(to), bins: BINS };
        return fetchTimelineTile(newest.id, window, options);
      }),
    );
  } catch (error) {
    // Nothing is stored yet, or the server is about to end: there is nobody to tell.
    const isExpected = error instanceof ApiProblem || options.signal.aborted;
    if (!isExpected) throw error;
  }
}
