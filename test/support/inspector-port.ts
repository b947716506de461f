/** The port that a process listens on for its inspector, once it is sent SIGUSR1 (inspect-when-asked.setup.ts). */
export function inspectorPort(pid: number): number {
  return 20_000 + (pid % 12_000);
}
