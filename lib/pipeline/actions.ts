/** What an entry of the event queue asks for. */
export const Action = {
  /** An attention worker starts its next step. */
  startStep: 0,
  /** A micro-batch can be computed: its data is there. */
  ready: 1,
  /** What a worker was computing is done. */
  computed: 2,
  /** A micro-batch can be sent: its result is there. */
  send: 3,
  /** A transfer ended. */
  arrived: 4,
  /** A worker that hung looks for work again. */
  wake: 5,
} as const;
