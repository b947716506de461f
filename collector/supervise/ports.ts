/** Can the configured addresses be listened on? Found out before anything is started. */
import { createServer } from 'node:net';
import { flagName } from '#lib/config/load-config.ts';
import { type Address, formatAddress } from '#lib/config/quantities.ts';
import { configKeys } from '#lib/config/schema.ts';

export interface Listener {
  /** Dotted key of the configuration: "otlp.http". */
  readonly key: string;
  readonly address: Address;
}

/** One line for each address that cannot be listened on: what is wrong and what to set. */
export async function findPortProblems(listeners: readonly Listener[]): Promise<string[]> {
  const problems: string[] = [];
  const keyByAddress = new Map<string, string>();
  for (const { key, address } of listeners) {
    const text = formatAddress(address);
    const other = keyByAddress.get(text);
    if (address.port !== 0 && other !== undefined) {
      problems.push(`${key} and ${other} are both ${text}: give each a port of its own`);
      continue;
    }
    keyByAddress.set(text, key);
    const code = await tryToListen(address);
    if (code !== null) problems.push(describeListenError(key, address, code));
  }
  return problems;
}

/** "port 4318 on 127.0.0.1 is taken …" with the three ways to choose another. */
export function describeListenError(key: string, address: Address, code: string): string {
  const variable = configKeys.find((entry) => entry.key === key)?.variable;
  const remedy = `set ${key} in the configuration, ${variable ?? key} or ${flagName(key)}`;
  const { host, port } = address;
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is taken by another program (another afdscope?): ${remedy}`;
    case 'EACCES':
      return `port ${port} on ${host} may not be used by this user: ${remedy}`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${host} is not an address of this machine: ${remedy}`;
    default:
      return `cannot listen on ${formatAddress(address)} (${code}): ${remedy}`;
  }
}

/** The system's error code; null where listening works. */
function tryToListen({ host, port }: Address): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve('code' in error ? String(error.code) : error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}
