/**
 * More than a collector can store: `node flood-child.ts URL CONNECTIONS BODY_SPANS`, until it is told to
 * stop by the end of its standard input. Every body is new. Prints the answers by status.
 */
import { Agent, request } from 'node:http';
import { PatchedTraces } from '#test/support/patched-traces.ts';

const [url = '', connections = '1', bodySpans = '1'] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) });
const answers: Record<string, number> = {};
let stopping = false;
process.stdin.on('end', () => {
  stopping = true;
});
process.stdin.resume();

/** Patched in place, so that a flood costs its sender less than its receiver. */
const traces = new PatchedTraces({
  attentionWorkers: 24,
  ffnWorkers: 8,
  spans: Number(bodySpans),
  microbatches: 3,
  deployment: 'flood',
});
const startUnixNs = BigInt(Date.now()) * 1_000_000n;
let sequence = 0;

function send(body: Uint8Array): Promise<number> {
  return new Promise((resolve) => {
    const outgoing = request(
      `${url}/v1/traces`,
      { method: 'POST', agent, headers: { 'content-type': 'application/x-protobuf' } },
      (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
      },
    );
    outgoing.once('error', () => resolve(0));
    outgoing.end(body);
  });
}

function freshBody(): Uint8Array {
  traces.patch(sequence++, startUnixNs);
  return traces.body.slice();
}

await Promise.all(
  Array.from({ length: Number(connections) }, async () => {
    while (!stopping) {
      const status = await send(freshBody());
      answers[status] = (answers[status] ?? 0) + 1;
      if (status !== 200) await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }),
);
process.stdout.write(`${JSON.stringify(answers)}\n`);
process.exit(0);
