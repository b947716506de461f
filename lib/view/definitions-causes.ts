/** What the causes of waiting mean; part of `DEFINITIONS`. */

export const CAUSE_DEFINITIONS = {
  causeA2fNetwork: {
    name: 'A2F network',
    unit: 'share of active time',
    text: 'Waiting while activations were on their way from attention to FFN.',
  },
  causeFanIn: {
    name: 'Fan-in',
    unit: 'share of active time',
    text: 'Waiting for the last of several senders: the others’ data was there already.',
  },
  causePeerQueue: {
    name: 'Peer queue',
    unit: 'share of active time',
    text: 'Waiting while the peer worked on other micro-batches first.',
  },
  causePeerCompute: {
    name: 'Peer compute',
    unit: 'share of active time',
    text: 'Waiting while the peer computed what was waited for, as long as the median of its group.',
  },
  causeLoadExcess: {
    name: 'Load excess',
    unit: 'share of active time',
    text: 'Waiting while the peer computed longer than the median of its group, as far as its tokens, contexts or expert tokens explain it. The remedy is in routing.',
  },
  causeDeviceExcess: {
    name: 'Device excess',
    unit: 'share of active time',
    text: 'Waiting while the peer computed longer than the median of its group, beyond what its load explains. A few percent are jitter, spread over all workers; on one worker it is a slow device.',
  },
  causeF2aNetwork: {
    name: 'F2A network',
    unit: 'share of active time',
    text: 'Waiting while results were on their way back from the experts.',
  },
  causePeerHost: {
    name: 'Peer host gap',
    unit: 'share of active time',
    text: 'Waiting while the peer did nothing that can be seen: host work, launches, gaps between kernels.',
  },
  causeFillDrain: {
    name: 'Fill and drain',
    unit: 'share of active time',
    text: 'Waiting at the beginning and the end of a step, where there are not yet, or no longer, micro-batches for both sides.',
  },
  causeUnknown: {
    name: 'Unknown cause',
    unit: 'share of active time',
    text: 'Waiting that no event explains: the peer’s events are missing, or are not there yet.',
  },
} as const;
