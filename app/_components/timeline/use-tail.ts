'use client';

/** Follows the newest data: the view glides with the clock of the events. */
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { fetchDeployments } from '#lib/api/client.ts';
import { nextTailDelay, TAIL_DELAY_NS, tailEnd, tailView } from '#lib/view/timeline-start.ts';
import { useLivePaused } from '../live-store.ts';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';

const POLL_MS = 1_000;
/** Without anything new for so long, the picture stands still at the newest event. */
const QUIET_MS = 4_000;
/** Weight of a new reading of how far the events' clock is behind ours. */
const SMOOTHING = 0.2;
const NS_PER_MS = 1e6;

export function useTail(deployment: string): void {
  const store = useTimelineStore();
  const isTail = useTimelinePart((state) => state.isTail);
  const paused = useLivePaused();
  const isFollowing = isTail && !paused;
  const newest = useQuery({
    queryKey: ['timeline-newest'],
    queryFn: ({ signal }) => fetchDeployments({ signal }),
    refetchInterval: isFollowing ? POLL_MS : false,
    enabled: isFollowing,
  });
  const lastSeen = newest.data?.deployments.find(({ id }) => id === deployment)?.lastSeenUnixNs;
  const behind = useRef<{ ns: number; newest: bigint; changedMs: number } | null>(null);

  useEffect(() => {
    if (lastSeen === undefined) return;
    const newestUnixNs = BigInt(lastSeen);
    const nowMs = Date.now();
    const behindNs = nowMs * NS_PER_MS - Number(newestUnixNs);
    const known = behind.current;
    if (known === null || nowMs - known.changedMs > QUIET_MS) {
      behind.current = { ns: behindNs, newest: newestUnixNs, changedMs: nowMs };
    } else if (newestUnixNs !== known.newest) {
      const ns = known.ns + (behindNs - known.ns) * SMOOTHING;
      behind.current = { ns, newest: newestUnixNs, changedMs: nowMs };
    }
    const { bounds } = store.state();
    if (newestUnixNs >= bounds.toUnixNs) {
      store.setBounds({ ...bounds, toUnixNs: newestUnixNs + 1n });
    }
  }, [lastSeen, store]);

  const lastEnd = useRef<bigint | null>(null);
  const delay = useRef({ ns: TAIL_DELAY_NS, atMs: 0 });
  useEffect(() => {
    if (!isFollowing) return;
    delay.current.atMs = Date.now();
    lastEnd.current = null;
    const follow = () => {
      const known = behind.current;
      if (known === null) return;
      const nowMs = Date.now();
      const isQuiet = nowMs - known.changedMs > QUIET_MS;
      const edge = isQuiet ? known.newest : BigInt(Math.round(nowMs * NS_PER_MS - known.ns));
      const { ns, atMs } = delay.current;
      const delayNs = nextTailDelay(ns, store.tileLatencyMs, nowMs - atMs);
      delay.current = { ns: delayNs, atMs: nowMs };
      lastEnd.current = tailEnd(edge, known.newest, delayNs, lastEnd.current);
      store.setViewport(tailView(lastEnd.current, store.view.spanNs, 0), 'tail');
    };
    if (window.matchMedia('(prefers-reduced-motion: reduce)').matches) {
      const timer = setInterval(follow, POLL_MS);
      return () => clearInterval(timer);
    }
    let frame = 0;
    const glide = () => {
      follow();
      frame = requestAnimationFrame(glide);
    };
    frame = requestAnimationFrame(glide);
    return () => cancelAnimationFrame(frame);
  }, [isFollowing, store]);
}
