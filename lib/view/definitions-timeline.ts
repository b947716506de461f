/** What the figures of the timeline's panels mean; part of `DEFINITIONS`. */

export const TIMELINE_DEFINITIONS = {
  stepTokens: {
    name: 'Tokens of a step',
    unit: 'tokens',
    text: 'Over micro-batches and attention ranks the largest count that a layer’s computation carries, so that layers do not multiply it. Read for the first steps of the list.',
  },
  timelineSlack: {
    name: 'Slack',
    unit: 'ns',
    text: 'How much later the event could have ended without its step ending later. 0 on the critical path.',
  },
  areaCount: {
    name: 'Count',
    unit: 'events',
    text: 'Events of the stage that overlap the area. A receive that was cut counts under wait and under transfer.',
  },
  areaSum: {
    name: 'Sum',
    unit: 'ns',
    text: 'The time of these events inside the area, added up over workers.',
  },
  areaShare: {
    name: 'Share',
    unit: '%',
    text: 'Sum over (length of the area × workers of the group in it). Events that overlap, such as the receives of several micro-batches, can add up to more than 100 %.',
  },
  areaMean: {
    name: 'Mean',
    unit: 'ns',
    text: 'Mean duration of whole events, also of the part that sticks out of the area.',
  },
  areaQuantile: {
    name: 'Quantile',
    unit: 'ns',
    text: 'The duration that 50, 90 or 99 of 100 events do not exceed. Whole events, also the part outside of the area.',
  },
  areaMax: {
    name: 'Longest',
    unit: 'ns',
    text: 'The longest event that touches the area, whole.',
  },
  areaCauses: {
    name: 'Waiting by cause',
    unit: 'ns',
    text: 'Time in the area in which a worker computed nothing while a receive was open, by what it waited for, over all workers of the area.',
  },
  areaHistogram: {
    name: 'Durations',
    unit: 'events',
    text: 'Durations of all events that overlap the area, in bins that grow by a constant factor. A tail or a second hill is a sort of events that takes longer.',
  },
  stepTarget: {
    name: 'TPOT target',
    unit: 'ms',
    text: 'Time per output token that is promised. A step makes one token of every sequence, so steps that last longer break it.',
  },
} as const;
