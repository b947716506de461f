import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { notifyWorld } from '#test/support/notify-world.ts';
import { ended, sampleAlert } from '#test/support/sample-alert.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { type SmtpTarget, smtpTarget } from '#test/support/smtp-target.ts';

const PATIENT = { timeout: 30_000, interval: 20 };

function mail({ port }: SmtpTarget, more = ''): string {
  return `
receivers:
  - name: mail
    kind: email
    from: afdscope <afdscope@cluster.example>
    to: [kim@cluster.example, night@cluster.example]
    smtp: {host: 127.0.0.1, port: ${port}, tls: none}
${more}
routes: [{receiver: mail, group_wait: 0s, group_interval: 1s}]`;
}

/** Headers with their folded lines put together, by lower-case name. */
function headersOf(raw: string): Record<string, string> {
  const head = raw.slice(0, raw.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ');
  return Object.fromEntries(
    head.split('\r\n').map((line) => {
      const [name = '', ...value] = line.split(': ');
      return [name.toLowerCase(), value.join(': ')];
    }),
  );
}

function decoded(raw: string): string {
  return raw
    .replace(/=\r\n/g, '')
    .replace(/((?:=[0-9A-F]{2})+)/g, (codes: string) =>
      Buffer.from(codes.replaceAll('=', ''), 'hex').toString('utf8'),
    );
}

test('a mail is text and HTML, and the mails of a group are one thread', async () => {
  const target = await smtpTarget();
  const world = await notifyWorld({ receivers: mail(target) });
  const alert = sampleAlert('a', {
    incidentId: 'i-7',
    annotations: { summary: '<b>ffn/a</b> is slow', description: 'look & see' },
  });
  const now = Date.now();
  await world.look([alert], now);
  await expect.poll(() => target.mails.length, PATIENT).toBe(1);
  await world.look([ended(alert)], now + 5000);
  await expect.poll(() => target.mails.length, PATIENT).toBe(2);
  const [first, second] = target.mails.map(({ raw }) => headersOf(raw));
  expect(target.mails[0]).toMatchObject({
    from: 'afdscope@cluster.example',
    to: ['kim@cluster.example', 'night@cluster.example'],
  });
  expect(first!.subject).toBe('[FIRING] straggler in prod');
  expect(second!.subject).toBe('[RESOLVED] straggler in prod');
  expect(first!['message-id']).not.toBe(second!['message-id']);
  expect(first!.references).toMatch(/^<[0-9a-f]{20}@cluster\.example>$/);
  expect(second!.references).toBe(first!.references);
  expect(second!['in-reply-to']).toBe(first!.references);
  const [delivery] = (await world.deliveries()).filter(({ status }) => status === 'firing');
  expect(first!['message-id']).toBe(`<${delivery!.dedupKey}@cluster.example>`);
  const body = decoded(target.mails[0]!.raw);
  expect(body).toContain('Content-Type: text/plain');
  expect(body).toContain('Content-Type: text/html');
  expect(body).toContain('FIRING warning: <b>ffn/a</b> is slow');
  expect(body).toContain('FIRING warning: &lt;b&gt;ffn/a&lt;/b&gt; is slow');
  expect(body).toContain('<a href="https://afdscope.example/incidents/i-7">Incident</a>');
  expect(decoded(target.mails[1]!.raw)).toContain('ended: 2026-11-27T12:01:00.000Z');
});

test('a server that is busy is asked again; the mail keeps its id', async () => {
  const target = await smtpTarget();
  target.answers = ['451 4.3.0 try later', '421 4.3.2 shutting down'];
  const world = await notifyWorld({ receivers: mail(target) });
  await world.look([sampleAlert('a')]);
  await expect.poll(() => target.mails.length, PATIENT).toBe(1);
  await expect.poll(async () => (await world.deliveries())[0]?.state, PATIENT).toBe('sent');
  const attempts = await world.store.logged({ topic: 'attempt', order: 'oldest' });
  expect(JSON.parse(attempts[0]!.detail).detail).toMatch(/127\.0\.0\.1: .*451 4\.3\.0 try later/);
});

test('what the server refuses for good is shown as failed', async () => {
  const target = await smtpTarget();
  target.answers = ['554 5.7.1 looks like spam'];
  const world = await notifyWorld({ receivers: mail(target) });
  await world.look([sampleAlert('a')]);
  await expect.poll(async () => (await world.deliveries())[0]?.state, PATIENT).toBe('failed');
  expect((await world.deliveries())[0]?.lastError).toContain('554 5.7.1 looks like spam');
});

test('one refused address does not keep the mail from the others, and is written down', async () => {
  const target = await smtpTarget();
  target.refusedRecipient = 'kim@cluster.example';
  const world = await notifyWorld({ receivers: mail(target) });
  await world.look([sampleAlert('a')]);
  await expect.poll(() => target.mails[0]?.to, PATIENT).toEqual(['night@cluster.example']);
  await expect.poll(async () => (await world.deliveries())[0]?.state, PATIENT).toBe('sent');
  const attempts = await world.store.logged({ topic: 'attempt', order: 'oldest' });
  expect(JSON.parse(attempts[0]!.detail).detail).toContain('refused for kim@cluster.example');
});

test('a server that hangs costs its time and is asked again', async () => {
  const target = await smtpTarget();
  target.hangs = true;
  const world = await notifyWorld({ receivers: mail(target), patience: { timeoutMs: 300 } });
  await world.look([sampleAlert('a')]);
  await expect
    .poll(async () => (await world.deliveries())[0]?.lastError, PATIENT)
    .toContain('timed out');
  target.hangs = false;
  await expect.poll(() => target.mails.length, PATIENT).toBe(1);
});

test('a password is never sent to a server without encryption', async () => {
  const target = await smtpTarget();
  const data = scratchFolder();
  writeFileSync(join(data, 'password'), 'correct-horse\n');
  const receivers = mail(target).replace(
    'tls: none',
    'tls: starttls, username: kim, password: {file: password}',
  );
  const world = await notifyWorld({ receivers, data });
  await world.look([sampleAlert('a')]);
  await expect
    .poll(async () => (await world.deliveries())[0]?.lastError, PATIENT)
    .toMatch(/127\.0\.0\.1: .*TLS/i);
  expect(target.commands.join('\n')).not.toMatch(/AUTH|correct-horse/);
  expect(target.mails).toEqual([]);
});
