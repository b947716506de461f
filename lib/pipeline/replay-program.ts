/**
 * What a replay plays: how long everything takes that somebody does, as plain columns.
 *
 *     attention worker   ┆gap┆[pre 0|mid][post 0|pre 1|mid]…[post L-1] [epilogue]
 *                              a2f └──┐         ┌ f2a
 *     FFN worker                      [pre 0|mid]
 *
 * A cell is one worker's share of one key: `((step · layers + layer) · microbatches + microbatch) ·
 * workers + worker`. Steps of a domain are numbered from 0 in the order in which they run.
 */
export interface ReplayProgram {
  /** All layers, the dense ones included. */
  readonly layers: number;
  /** By layer: 1 where micro-batches go to the FFN side and back. */
  readonly crosses: Uint8Array;
  readonly ffnWorkers: number;
  readonly domains: readonly ReplayDomain[];
  /** Do the sends of one worker wait for each other? */
  readonly attentionLinkQueues: boolean;
  readonly ffnLinkQueues: boolean;
}

export interface ReplayDomain {
  readonly steps: number;
  readonly attentionWorkers: number;
  readonly microbatches: number;
  /** By step and attention worker: the step does not start before; -Infinity: when the last ends. */
  readonly notBeforeNs: Float64Array;
  /** By step and attention worker: from the step's start until its first layer can begin. */
  readonly gapNs: Float64Array;
  /** By step and attention worker: what follows the last micro-batch, such as sampling. */
  readonly epilogueNs: Float64Array;
  readonly attention: ReplayTimes;
  readonly ffn: ReplayTimes;
  readonly a2f: ReplayTransfers;
  readonly f2a: ReplayTransfers;
}

/** By cell of the side's workers. */
export interface ReplayTimes {
  /** Until the send starts. */
  readonly preNs: Float64Array;
  /** While the send is under way. */
  readonly midNs: Float64Array;
  /** After the reply is there; attention only. */
  readonly postNs: Float64Array | null;
}

/**
 * From a send's start until it has arrived, by key, then
 *     sender      one entry a sender: it arrives everywhere at once
 *     receiver    one entry a receiver, counted from the last sender's start
 *     pair        one entry a sender and receiver, at `sender · receivers + receiver`
 */
export interface ReplayTransfers {
  readonly by: 'sender' | 'receiver' | 'pair';
  readonly ns: Float64Array;
  /** How long the link is taken, by key and sender; null: until the last arrival of the send. */
  readonly linkNs: Float64Array | null;
}
