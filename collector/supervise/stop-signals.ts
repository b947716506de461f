/**
 * SIGTERM and SIGINT: the first asks for an orderly stop, a second one for an end at once.
 *
 * One Ctrl-C may arrive several times: from the terminal, from npm and from the launcher. Signals
 * within `SAME_SIGNAL_MS` of the first are that same one.
 */
const SAME_SIGNAL_MS = 300;

export interface StopHandlers {
  stop(signal: NodeJS.Signals | 'parent gone'): void;
  /** Ends the process; does not return to waiting. */
  force(): void;
}

/** Also stops when the process that started this one (with an IPC channel) is gone. */
export function onStopSignals(handlers: StopHandlers): () => void {
  let firstAtMs: number | undefined;
  const receive = (signal: NodeJS.Signals | 'parent gone') => {
    const nowMs = performance.now();
    if (firstAtMs === undefined) {
      firstAtMs = nowMs;
      handlers.stop(signal);
    } else if (nowMs - firstAtMs > SAME_SIGNAL_MS && signal !== 'parent gone') {
      handlers.force();
    }
  };
  const onSignal = (signal: NodeJS.Signals) => receive(signal);
  const onDisconnect = () => receive('parent gone');
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('SIGHUP', onSignal);
  process.on('disconnect', onDisconnect);
  // Listening for the parent's end must not keep a process alive that has nothing else to do.
  process.channel?.unref();
  return () => {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
    process.off('SIGHUP', onSignal);
    process.off('disconnect', onDisconnect);
  };
}
