/** Mail servers that want TLS and a login, and certificates that are not theirs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { type NotifyWorld, notifyWorld } from '#test/support/notify-world.ts';
import { sampleAlert } from '#test/support/sample-alert.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { selfSigned } from '#test/support/self-signed.ts';
import { type SmtpTarget, type SmtpTls, smtpTarget } from '#test/support/smtp-target.ts';

const PATIENT = { timeout: 30_000, interval: 20 };
const LOGIN = { user: 'kim', password: 'correct-horse' };
const MODES = ['starttls', 'implicit'] as const;
const HOUR_MS = 3_600_000;

const known = getCACertificates('default');
afterEach(() => setDefaultCACertificates(known));

/** As NODE_EXTRA_CA_CERTS does at the start of a process. */
function trust(tls: SmtpTls): void {
  setDefaultCACertificates([...known, tls.certificate.cert]);
}

async function worldFor(target: SmtpTarget, mode: string, password = LOGIN.password) {
  const data = scratchFolder();
  writeFileSync(join(data, 'password'), `${password}\n`);
  return notifyWorld({
    data,
    receivers: `
receivers:
  - name: mail
    kind: email
    from: afdscope@cluster.example
    to: [kim@cluster.example]
    smtp: {host: 127.0.0.1, port: ${target.port}, tls: ${mode}, username: kim, password: {file: password}}
routes: [{receiver: mail, group_wait: 0s}]`,
  });
}

const lastError = async (world: NotifyWorld) => (await world.deliveries())[0]?.lastError;

test.each(MODES)('%s: logs in and sends', async (mode) => {
  const tls = { mode, certificate: selfSigned('127.0.0.1'), ...LOGIN };
  trust(tls);
  const target = await smtpTarget(tls);
  const world = await worldFor(target, mode);
  await world.look([sampleAlert('a')]);
  await expect.poll(() => target.mails.length, PATIENT).toBe(1);
  await expect.poll(async () => (await world.deliveries())[0]?.state, PATIENT).toBe('sent');
  expect(target.mails[0]!.to).toEqual(['kim@cluster.example']);
  expect(target.commands.findIndex((line) => line.startsWith('AUTH PLAIN'))).toBeGreaterThan(0);
});

test.each(MODES)('%s: a wrong password is told without it', async (mode) => {
  const tls = { mode, certificate: selfSigned('127.0.0.1'), ...LOGIN };
  trust(tls);
  const target = await smtpTarget(tls);
  const world = await worldFor(target, mode, 'wrong-horse');
  await world.look([sampleAlert('a')]);
  await expect.poll(() => lastError(world), PATIENT).toContain('535 5.7.8 wrong name or password');
  expect(target.refusedLogins).toBeGreaterThan(0);
  expect(target.mails).toEqual([]);
  expect(JSON.stringify([world.logs, await world.deliveries()])).not.toContain('wrong-horse');
});

const day = 24 * HOUR_MS;
const wrong = [
  ['of an authority that is not known', () => selfSigned('127.0.0.1'), false],
  ['of another host', () => selfSigned('127.0.0.2'), true],
  ['that has expired', () => selfSigned('127.0.0.1', Date.now() - 2 * day, Date.now() - day), true],
] as const;

test.each(MODES.flatMap((mode) => wrong.map((one) => [mode, ...one] as const)))(
  '%s: a certificate %s is refused before the password is sent',
  async (mode, what, make, isTrusted) => {
    const tls = { mode, certificate: make(), ...LOGIN };
    if (isTrusted) trust(tls);
    const target = await smtpTarget(tls);
    const world = await worldFor(target, mode);
    await world.look([sampleAlert('a')]);
    await expect.poll(() => lastError(world), PATIENT).toMatch(/^127\.0\.0\.1: its certificate /);
    expect(await lastError(world)).toContain(
      {
        'of an authority that is not known': 'NODE_EXTRA_CA_CERTS',
        'of another host': 'names another host',
        'that has expired': 'has expired',
      }[what],
    );
    expect(target.commands.join('\n')).not.toContain('AUTH');
    expect(target.mails).toEqual([]);
  },
);
