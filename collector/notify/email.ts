/** E-mail by SMTP. Messages of one group are one thread in the reader's mail program. */
import { createTransport } from 'nodemailer';
import type { NotifyMessage } from '#lib/alert/notify-state.ts';
import type { ReceiverOf } from '#lib/config/receiver-schema.ts';
import { type Channel, failed, type Sending, type SendOutcome } from './channel.ts';
import type { ChannelContext } from './channel-context.ts';
import { shortHash } from './delivery.ts';
import { emailText } from './email-text.ts';
import { readSecret } from './secrets.ts';

/** Below the time of one try: then the connection says itself what it waited for. */
const PATIENCE_MS = 8000;

export class EmailChannel implements Channel {
  readonly #receiver: ReceiverOf<'email'>;
  readonly #context: ChannelContext;

  constructor(receiver: ReceiverOf<'email'>, context: ChannelContext) {
    this.#receiver = receiver;
    this.#context = context;
  }

  async send(message: NotifyMessage, { dedupKey }: Sending): Promise<SendOutcome> {
    const { smtp, from, to } = this.#receiver;
    let password: string | null = null;
    if (smtp.password !== undefined) {
      const secret = await readSecret(smtp.password, this.#context);
      if (!secret.ok) return failed(secret.error);
      password = secret.value;
    }
    const transport = createTransport({
      host: smtp.host,
      port: smtp.port,
      secure: smtp.tls === 'implicit',
      requireTLS: smtp.tls === 'starttls',
      ignoreTLS: smtp.tls === 'none',
      connectionTimeout: PATIENCE_MS,
      greetingTimeout: PATIENCE_MS,
      socketTimeout: PATIENCE_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
      ...(smtp.username === undefined || password === null
        ? {}
        : { auth: { user: smtp.username, pass: password } }),
    });
    const { subject, text, html } = emailText(message, this.#context.externalUrl);
    const domain = /@([^\s>]+)>?$/.exec(from)?.[1] ?? 'afdscope';
    const thread = `<${shortHash(message.groupKey)}@${domain}>`;
    try {
      const info = await transport.sendMail({
        from,
        to,
        subject,
        text,
        html,
        messageId: `<${dedupKey}@${domain}>`,
        inReplyTo: thread,
        references: thread,
        headers: { 'Auto-Submitted': 'auto-generated' },
      });
      const refused = info.rejected.map(String);
      const note = refused.length === 0 ? '' : `; refused for ${refused.join(', ')}`;
      return { ok: true, detail: `${info.response}${note}`.slice(0, 300) };
    } catch (cause) {
      return failure(cause, smtp.host, password);
    } finally {
      transport.close();
    }
  }
}

function failure(cause: unknown, host: string, password: string | null): SendOutcome {
  const facts = cause instanceof Error ? cause : new Error('failed');
  const code = 'code' in facts ? String(facts.code) : '';
  const status = 'responseCode' in facts ? Number(facts.responseCode) : 0;
  let said = certificateText(facts.message) ?? facts.message.replace(/\s+/g, ' ');
  if (password !== null) said = said.replaceAll(password, '…');
  return {
    ok: false,
    error: `${host}: ${said.slice(0, 200)}`,
    // Refused after it was read whole: too large, or taken for spam.
    isFinal: code === 'EMESSAGE' && status >= 500,
    retryAfterMs: null,
  };
}

/** What TLS says of a certificate, in words that say what to do; null: it is about something else. */
function certificateText(message: string): string | null {
  if (/certificate has expired/i.test(message)) return 'its certificate has expired';
  if (/certificate is not yet valid/i.test(message)) {
    return 'its certificate is not valid yet: look at the clocks';
  }
  if (/does not match certificate/i.test(message)) {
    return 'its certificate names another host: write smtp.host as the certificate has it';
  }
  const isUnknown = /self-signed certificate|unable to (?:verify|get)[^.]*certificate/i.test(
    message,
  );
  return isUnknown
    ? 'its certificate is of an authority that is not known here: name that in NODE_EXTRA_CA_CERTS'
    : null;
}
