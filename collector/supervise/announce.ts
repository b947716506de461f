/** What a start prints when everything runs. */
export interface Announcement {
  readonly title: string;
  readonly rows: readonly (readonly [label: string, value: string])[];
  readonly notes: readonly string[];
}

export function formatAnnouncement({ title, rows, notes }: Announcement): string {
  const width = Math.max(0, ...rows.map(([label]) => label.length));
  const lines = rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`);
  return ['', title, '', ...lines, ...(notes.length > 0 ? ['', ...notes] : []), ''].join('\n');
}

/** Base URL of a server; addresses that mean "everywhere" become the loopback one. */
export function baseUrl(host: string, port: number): string {
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '[::1]', '::1': '[::1]' }[host] ?? host;
  return `http://${reachable}:${port}`;
}
