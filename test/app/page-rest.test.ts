import { environmentManager, QueryClient, QueryObserver } from '@tanstack/react-query';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { missedPoll, pageRests, restPage } from '#app/_components/page-rest.ts';

const POLL_MS = 5_000;

describe('a page that rests', () => {
  let client: QueryClient;
  let asked: number;
  let stop: () => void;

  beforeEach(async () => {
    // Node has no window, without which nothing polls.
    environmentManager.setIsServer(() => false);
    vi.useFakeTimers();
    asked = 0;
    client = new QueryClient({
      defaultOptions: { queries: { staleTime: 1_000, refetchOnWindowFocus: missedPoll } },
    });
    client.mount();
    const observer = new QueryObserver(client, {
      queryKey: ['poll'],
      queryFn: () => Promise.resolve(++asked),
      refetchInterval: POLL_MS,
    });
    stop = observer.subscribe(() => {});
    await vi.advanceTimersByTimeAsync(10);
    expect(asked).toBe(1);
  });
  afterEach(() => {
    restPage(false);
    stop();
    client.unmount();
    client.clear();
    vi.useRealTimers();
  });

  test('polls nothing, and asks at once what was due meanwhile', async () => {
    restPage(true);
    expect(pageRests()).toBe(true);
    await vi.advanceTimersByTimeAsync(3 * POLL_MS);
    expect(asked).toBe(1);
    restPage(false);
    await vi.advanceTimersByTimeAsync(10);
    expect(asked).toBe(2);
    await vi.advanceTimersByTimeAsync(POLL_MS);
    expect(asked).toBe(3);
  });

  test('asks nothing more where no poll fell out', async () => {
    await vi.advanceTimersByTimeAsync(2_000);
    restPage(true);
    await vi.advanceTimersByTimeAsync(500);
    restPage(false);
    await vi.advanceTimersByTimeAsync(100);
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(POLL_MS);
    expect(asked).toBe(2);
  });
});
