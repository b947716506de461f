/** What the figures of a comparison mean; part of `DEFINITIONS`. */

export const COMPARE_DEFINITIONS = {
  compareValue: {
    name: 'Value',
    unit: '',
    text: 'The median over the sampled steps of a side. One step is one sample: its events wait for each other, so that many of them say little more about the next step than one number does.',
  },
  compareShift: {
    name: 'B against A',
    unit: '',
    text: 'Hodges-Lehmann: the median of the differences of all pairs of steps, one of B and one of A. It need not be the difference of the medians.',
  },
  compareInterval: {
    name: '95 % interval',
    unit: '% of A',
    text: 'Where the difference lies 19 times in 20: all shifts that Mann-Whitney’s test would not tell from these steps.',
  },
  compareFinding: {
    name: 'Finding',
    unit: '',
    text: 'Mann-Whitney’s U over steps: nothing is assumed of how they are distributed, ties and the likeness of neighbouring steps are taken into account. Corrected for the number of figures of the table (Benjamini-Hochberg, 5 %), but for the time per step, which is asked first. “No difference shown” is no proof of none.',
  },
  compareChange: {
    name: 'What made steps longer or shorter',
    unit: 'ns of a mean step',
    text: 'Time that the critical path spends on it, B against A. All of them together are the difference of the mean times per step. Where the path goes over from one stage to another, both change by more than the step did.',
  },
  compareMap: {
    name: 'Stage by layer',
    unit: 'ns, % of A',
    text: 'Mean duration of a stage’s events in a layer within a step, median over steps. The difference is the Hodges-Lehmann shift over A. Outlined: the steps show that it differs.',
  },
  compareLatency: {
    name: 'Step latency',
    unit: '% of the steps',
    text: 'How many of the sampled steps took at most so long: last end minus first start over all workers. A curve to the right is slower, a flat foot or head are steps of another kind.',
  },
} as const;
