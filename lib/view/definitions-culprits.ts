/** What the figures of the Stragglers, Experts and Layers pages mean; part of `DEFINITIONS`. */

export const CULPRIT_DEFINITIONS = {
  stragglerScore: {
    name: 'Score',
    unit: 'robust deviations',
    text: '(x − median) / max(1.4826·MAD, 2 % of the median) over the group, of the stage’s time as it is, and after taking out what load explains (tokens, context tokens, expert tokens). Either one over the threshold makes a worker slow. Below 4 workers: the excess over 2 %.',
  },
  stragglerExcess: {
    name: 'Excess',
    unit: '% over the median',
    text: 'Mean time of the stage over its group’s median, minus 1. Split into what its load explains and the rest, which is the device.',
  },
  loadPart: {
    name: 'Load',
    unit: '% over the median',
    text: 'Part of the excess that more tokens, longer contexts or busier experts explain. The remedy is in routing.',
  },
  devicePart: {
    name: 'Device',
    unit: '% over the median',
    text: 'Part of the excess that is left at equal load. The remedy is at the device.',
  },
  loadModel: {
    name: 'Load model',
    unit: 'time of a key',
    text: 'How compute time goes with load, fitted over steps of this window: context tokens and requests on attention, routed tokens and those of the busiest expert on FFN. What it explains of an excess is load, the rest is the device.',
  },
  stragglerSince: {
    name: 'Since',
    unit: '',
    text: 'Start of the first sub-window of the run in which it is slow.',
  },
  slowWindows: {
    name: 'Slow in',
    unit: 'sub-windows',
    text: 'Sub-windows in which the score was over the threshold, of those that were looked at.',
  },
  suffered: {
    name: 'Others waited',
    unit: 'time',
    text: 'Time that other workers waited because of this worker, summed over them, in the whole window.',
  },
  stragglerClass: {
    name: 'Kind',
    unit: '',
    text: 'Slow compute: its compute stages are over the group’s. Slow transfers: its sends are. Both: both.',
  },
  waitMatrix: {
    name: 'Who waited because of whom',
    unit: 'time per step',
    text: 'Row: who waited. Column: the worker that the wait is laid to, found by walking the awaited reply backwards. The bubble while a receive was open, summed over the window, per step. A slow worker waits least and is waited for most.',
  },
  hang: {
    name: 'Hang',
    unit: '',
    text: 'Progress stopped while a step was in flight, for far longer than a step takes. The first fault is the worker that has its input and gives no output; the others wait for it, directly or through others.',
  },
  lastKey: {
    name: 'Last completed',
    unit: '',
    text: 'The last event that the worker completed before progress stopped: step, stage, layer, micro-batch.',
  },
  expertTokens: {
    name: 'Tokens',
    unit: 'tokens per key',
    text: 'Tokens routed to the rank in one key (step, layer, micro-batch); mean over the window.',
  },
  expertImbalance: {
    name: 'Max over mean, inside a rank',
    unit: '×',
    text: 'Tokens of the rank’s busiest expert over the mean of its experts; of means over keys.',
  },
  activeExperts: {
    name: 'Active experts',
    unit: 'experts per key',
    text: 'Experts of the rank that got a token in a key; mean. Every active expert’s weights are read.',
  },
  expertTime: {
    name: 'Expert time',
    unit: 'time per key',
    text: 'Duration of the expert events of a key on the rank; mean.',
  },
  rankImbalance: {
    name: 'Max / mean, ranks',
    unit: '×',
    text: 'Tokens of the busiest rank over the mean of the ranks, mean over keys. Everyone waits for the busiest.',
  },
  expertMaxOverMean: {
    name: 'Max / mean, experts',
    unit: '×',
    text: 'Tokens of the busiest expert over the mean of all experts, mean over keys.',
  },
  vllmBalancedness: {
    name: 'vLLM balancedness',
    unit: '0..1',
    text: 'Σ mean / Σ max over keys, of tokens per rank: vLLM’s definition. Heavy keys count more.',
  },
  sglangBalancedness: {
    name: 'SGLang balancedness',
    unit: '0..1',
    text: 'Mean over keys of (mean + 1e-5) / (max + 1e-5), of tokens per rank: SGLang’s definition. Every key counts the same.',
  },
  activePerRank: {
    name: 'Active per rank',
    unit: 'experts',
    text: 'Experts of a rank that got a token in a key; mean over ranks and keys.',
  },
  tokensTimeCorrelation: {
    name: 'Load ↔ time',
    unit: 'r, −1..1',
    text: 'Correlation of routed tokens with expert time over all keys and ranks. Near 1: uneven load makes uneven time. Near 0: look at the devices.',
  },
  forcedRouting: {
    name: 'Forced routing',
    unit: '',
    text: 'All ranks get equal tokens, to the token, in key after key. A real router never does that: a benchmark mode, or a balanced dummy.',
  },
  layerStages: {
    name: 'Stages of a layer',
    unit: 'time per worker and step',
    text: 'Sum of the durations of the layer’s events, all micro-batches, over the workers of the side and the steps. Receives are not among them.',
  },
  layerCauses: {
    name: 'Waiting by cause',
    unit: 'time per worker and step',
    text: 'Bubble while a receive of the layer was open, by cause, over the workers of the side and the steps.',
  },
  layerOutlier: {
    name: 'Outlier layer',
    unit: '',
    text: 'Over the median of the other layers by 4.5 robust deviations, a quarter of that median and a hundredth of all layers together. The first MoE layer fills the pipeline and the last drains it: they are stated apart.',
  },
  firstMoeLayer: {
    name: 'First MoE layer',
    unit: '',
    text: 'The first layer that crosses the network, against the median of the others. FFN workers wait there while attention runs the dense layers and fills the pipeline.',
  },
  pathShare: {
    name: 'Path',
    unit: '% of the critical path',
    text: 'Share of the layer in the chain of events that made steps as long as they were, over the steps that were looked at.',
  },
} as const;
