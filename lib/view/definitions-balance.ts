/** What the figures of the Balance page mean; part of `DEFINITIONS`. */

export const BALANCE_DEFINITIONS = {
  effectiveRatio: {
    name: 'Ea / Ef',
    unit: '',
    text: 'Effective times: the median over keys of the slowest worker’s occupancy, attention over FFN. Everyone waits for the slowest, so the pipeline runs at these.',
  },
  medianRatio: {
    name: 'Ta / Tf',
    unit: '',
    text: 'Medians of one micro-batch’s compute in one layer, attention over FFN: the ratio if all workers of a group were alike.',
  },
  healthyBand: {
    name: 'Healthy band',
    unit: '',
    text: 'The faster side idles for at most 15 % of the layer because of the ratio: Ea / Ef between 0.85 and 1 / 0.85.',
  },
  termAttention: {
    name: 'Attention, m·Ea',
    unit: 'µs per layer',
    text: 'Micro-batches × effective occupancy of the slowest attention worker; mean over layers. The layer cannot be shorter.',
  },
  termFfn: {
    name: 'FFN, m·Ef',
    unit: 'µs per layer',
    text: 'Micro-batches × effective occupancy of the slowest FFN worker; mean over layers. The layer cannot be shorter.',
  },
  termA2fLink: {
    name: 'A2F link, m·Oa2f',
    unit: 'µs per layer',
    text: 'Micro-batches × occupancy of the busiest attention worker’s link to the FFN group; mean over layers.',
  },
  termF2aLink: {
    name: 'F2A link, m·Of2a',
    unit: 'µs per layer',
    text: 'Micro-batches × occupancy of the busiest FFN worker’s link back to attention; mean over layers.',
  },
  termLatency: {
    name: 'Latency, Sa + Sf + RT',
    unit: 'µs per layer',
    text: 'One micro-batch’s way through a layer: serial time on both sides and both transfers; mean over layers. Where it is the largest, more micro-batches would hide it.',
  },
  imbalanceBubble: {
    name: 'Imbalance',
    unit: '% of the layer',
    text: 'Part of the steady bubble: the other side is slower, m(E* − Ex)/C.',
  },
  networkBubble: {
    name: 'Network',
    unit: '% of the layer',
    text: 'Part of the steady bubble: a link is busier than either side.',
  },
  latencyBubble: {
    name: 'Latency',
    unit: '% of the layer',
    text: 'Part of the steady bubble: one micro-batch’s way through a layer is longer than m times the slower side. More micro-batches would fill it.',
  },
  gainPerGpu: {
    name: 'Gain',
    unit: '% tokens/s per GPU',
    text: 'Predicted change in tokens per second and GPU. The interval holds nine times in ten, by the spread that was measured.',
  },
  ratioMargin: {
    name: 'Left in the ratio',
    unit: '% tokens/s per GPU',
    text: 'The most that another ratio of the same number of GPUs would bring, by the fitted times.',
  },
  whatifMeasured: {
    name: 'Measured',
    unit: '',
    text: 'The replayed steps as they were recorded.',
  },
  whatifReplayed: {
    name: 'Replayed',
    unit: '',
    text: 'The same steps through the discrete-event pipeline, nothing changed. How far it is from the measurement tells how far a prediction can be believed.',
  },
  whatifPredicted: {
    name: 'Predicted',
    unit: '',
    text: 'The replay with the changes. Bounds below it hold nine times in ten, by the spread of the recorded steps.',
  },
  whatifStep: {
    name: 'Step',
    unit: 'ms',
    text: 'Start to start of consecutive steps; mean.',
  },
  whatifTokensPerGpu: {
    name: 'Tokens per GPU',
    unit: 'tokens/s per GPU',
    text: 'Tokens per second over all GPUs of both groups.',
  },
  whatifAttentionBubble: {
    name: 'Attention idle',
    unit: '% of the steps',
    text: 'Part of the steps’ time in which an attention worker does not compute; mean over workers.',
  },
  whatifFfnBubble: {
    name: 'FFN idle',
    unit: '% of the steps',
    text: 'Part of the steps’ time in which an FFN worker does not compute; mean over workers.',
  },
  replayError: {
    name: 'Replay error',
    unit: '%',
    text: 'Step time of the unchanged replay over the measured one, minus one. Past 5 % a prediction is not to be believed.',
  },
  criticalPath: {
    name: 'Critical path',
    unit: '% of step time',
    text: 'The chain of events that made each step as long as it was, walked back from its last end over compute, transfers and waits for links; summed over steps. Shortening anything else does not shorten the step.',
  },
  mfu: {
    name: 'MFU',
    unit: '% of peak FLOP/s',
    text: 'Floating-point operations per second and GPU over the observed time, against the GPU’s peak at the precision in use.',
  },
  mbu: {
    name: 'MBU',
    unit: '% of peak bytes/s',
    text: 'Device memory traffic per second and GPU over the observed time, against the GPU’s peak.',
  },
  roofline: {
    name: 'Roofline',
    unit: 'FLOP/s over FLOP/byte',
    text: 'While a GPU computes: achieved FLOP/s over arithmetic intensity. Left of the ridge (peak FLOP/s over peak bytes/s) memory bounds it, right of it compute.',
  },
  deadZone: {
    name: 'Dead zone',
    unit: '',
    text: 'The scale-out network delivers tokens more slowly than the experts work: more FFN GPUs would not raise their utilization (arXiv 2602.09721).',
  },
} as const;
