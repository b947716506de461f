import { expect, test } from 'vitest';
import { timelineWindow } from '#lib/view/timeline-window.ts';

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
