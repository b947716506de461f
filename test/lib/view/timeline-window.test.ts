import { expect, test } from 'vitest';
import { reportRange, timelineWindow } from '#lib/view/timeline-window.ts';

test('the view of a timeline, to the nanosecond', () => {
  expect(timelineWindow('/timeline', '?d=demo&at=1764262985123456789.5&span=1000')).toEqual({
    fromUnixNs: 1_764_262_985_123_456_789n,
    toUnixNs: 1_764_262_985_123_457_790n,
  });
});

test('a tail, another page, and an address without a view have none', () => {
  expect(timelineWindow('/timeline', '?tail=1&span=1000')).toBeNull();
  expect(timelineWindow('/layers', '?at=1764262985123456789&span=1000')).toBeNull();
  expect(timelineWindow('/timeline', '')).toBeNull();
});

test('a report is about the view, and never about less than a second', () => {
  const live = { kind: 'live' } as const;
  const about = (search: string) => reportRange('/timeline', search, live);
  expect(about('?at=1764262985123456789&span=5000000000')).toEqual({
    kind: 'absolute',
    fromMs: 1_764_262_985_123,
    toMs: 1_764_262_990_124,
  });
  expect(about('?at=1764262985123456789&span=2000000')).toEqual({
    kind: 'absolute',
    fromMs: 1_764_262_984_624,
    toMs: 1_764_262_985_625,
  });
  expect(about('?tail=1')).toBe(live);
  expect(reportRange('/layers', '?at=1&span=1', live)).toBe(live);
});
