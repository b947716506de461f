/**
 * More than a collector can store: `node flood.ts URL CONNECTIONS BODY_EVENTS`, until it is told to
 * stop by the end of its standard input. Every body is new. Prints the answers by status.
 */
import { Agent, request } from 'node:http';
import { unixNanos } from '#lib/base/units.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { testWorker } from '#test/support/afd-table.ts';
import { encodeTracesProtobuf } from '#test/support/otlp-encode.ts';

const [url = '', connections = '1', bodyEvents = '1'] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) });
const answers: Record<string, number> = {};
let stopping = false;
process.stdin.on('end', () => {
  stopping = true;
});
process.stdin.resume();

/** Made once: a flood must cost its sender less than its receiver. The first step is patched. */
const builder = new EventTableBuilder(unixNanos(BigInt(Date.now()) * 1_000_000n), [
  testWorker(0, { deployment: 'flood' }),
]);
const count = Number(bodyEvents);
for (let i = 0; i < count; i++) {
  builder.add({ startNs: i * 1000, durationNs: 700, worker: 0, stage: 0, kind: 0, step: i });
}
const template = encodeTracesProtobuf(builder.finish());

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

/** A field that OTLP does not have makes each body another one, and is skipped by its reader. */
let serial = 0;
function freshBody(): Uint8Array {
  const body = new Uint8Array(template.length + 7);
  body.set(template);
  const view = new DataView(body.buffer);
  // Field 99, fixed32: tag 795 as a varint of two bytes.
  body.set([0x9d, 0x06], template.length);
  view.setUint32(template.length + 2, serial++, true);
  return body.subarray(0, template.length + 6);
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
