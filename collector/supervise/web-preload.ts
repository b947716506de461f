/**
 * Loaded before `next start` (node --import): reports the address on stdout once it listens, as
 * every child of the supervisor does, and ends the process when the supervisor is gone.
 */
import { subscribe } from 'node:diagnostics_channel';
import { Server } from 'node:net';

let reported = false;

subscribe('tracing:net.server.listen:asyncEnd', (message) => {
  const server: unknown =
    typeof message === 'object' && message !== null && 'server' in message ? message.server : null;
  const address = server instanceof Server ? server.address() : null;
  if (reported || address === null || typeof address === 'string') return;
  reported = true;
  process.stdout.write(
    `${JSON.stringify({ ready: true, host: address.address, port: address.port })}\n`,
  );
});

process.on('disconnect', () => process.exit(0));
process.channel?.unref();
