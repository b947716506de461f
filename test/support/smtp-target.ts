/** A small mail server on loopback that keeps what it is sent: without encryption, with STARTTLS, or TLS alone. */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';
import type { SelfSigned } from './self-signed.ts';

export interface SmtpTls {
  readonly mode: 'starttls' | 'implicit';
  readonly certificate: SelfSigned;
  /** Who may send mail; nobody else may. */
  readonly user: string;
  readonly password: string;
}

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: string;
}

export class SmtpTarget {
  readonly mails: ReceivedMail[] = [];
  /** All lines that clients sent, mails left out. */
  readonly commands: string[] = [];
  /** Answers to whole mails, one for each; when it is empty, they are taken. */
  answers: string[] = [];
  /** Takes connections and says nothing. */
  hangs = false;
  refusedRecipient = '';
  port = 0;
  /** Logins that were refused. */
  refusedLogins = 0;
  readonly #tls: SmtpTls | null;

  constructor(tls: SmtpTls | null = null) {
    this.#tls = tls;
  }

  serve(socket: Socket): void {
    socket.on('error', () => undefined);
    if (this.hangs) return;
    this.#converse(socket, '220 mail.test ESMTP');
  }

  /** `greeting` null: the conversation goes on under TLS. */
  #converse(socket: Socket, greeting: string | null): void {
    const tls = this.#tls;
    const isEncrypted = socket instanceof TLSSocket;
    let mayMail = tls === null;
    const say = (line: string) => socket.write(`${line}\r\n`);
    let buffered = '';
    let from = '';
    let to: string[] = [];
    let isData = false;
    const command = (line: string): void => {
      this.commands.push(line);
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === 'EHLO') {
        const offers = isEncrypted ? ['AUTH PLAIN'] : tls === null ? [] : ['STARTTLS'];
        for (const offer of ['mail.test', ...offers]) say(`250-${offer}`);
        say('250 8BITMIME');
      } else if (verb === 'STAR' && tls !== null && !isEncrypted) {
        say('220 2.0.0 go ahead');
        socket.removeAllListeners('data');
        const { cert, key } = tls.certificate;
        const secure = new TLSSocket(socket, { isServer: true, cert, key });
        secure.on('error', () => undefined);
        this.#converse(secure, null);
      } else if (verb === 'AUTH' && tls !== null && isEncrypted) {
        const login = Buffer.from(line.split(' ')[2] ?? '', 'base64').toString('utf8');
        mayMail = login === `\0${tls.user}\0${tls.password}`;
        if (!mayMail) this.refusedLogins++;
        say(mayMail ? '235 2.7.0 welcome' : '535 5.7.8 wrong name or password');
      } else if (!mayMail && verb === 'MAIL') {
        say('530 5.7.0 log in first');
      } else if (verb === 'MAIL') {
        from = /<([^>]*)>/.exec(line)?.[1] ?? '';
        to = [];
        say('250 2.1.0 ok');
      } else if (verb === 'RCPT') {
        const address = /<([^>]*)>/.exec(line)?.[1] ?? '';
        if (address === this.refusedRecipient) say('550 5.1.1 no such user');
        else {
          to.push(address);
          say('250 2.1.5 ok');
        }
      } else if (verb === 'DATA') {
        isData = true;
        say('354 go on');
      } else if (verb === 'QUIT') {
        say('221 bye');
        socket.end();
      } else say('502 5.5.1 not known here');
    };
    if (greeting !== null) say(greeting);
    socket.on('data', (part: Buffer) => {
      buffered += part.toString('utf8');
      for (;;) {
        const mark = isData ? '\r\n.\r\n' : '\r\n';
        const end = buffered.indexOf(mark);
        if (end < 0) return;
        const text = buffered.slice(0, end);
        buffered = buffered.slice(end + mark.length);
        if (!isData) {
          command(text);
          continue;
        }
        isData = false;
        const answer = this.answers.shift() ?? '250 2.0.0 queued';
        if (answer.startsWith('2')) this.mails.push({ from, to, raw: text });
        say(answer);
      }
    });
  }
}

/** Started, and stopped after the test. */
export async function smtpTarget(tls: SmtpTls | null = null): Promise<SmtpTarget> {
  const target = new SmtpTarget(tls);
  const sockets = new Set<Socket>();
  const serve = (socket: Socket): void => {
    sockets.add(socket);
    target.serve(socket);
  };
  const server =
    tls?.mode === 'implicit' ? createTlsServer({ ...tls.certificate }, serve) : createServer(serve);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  target.port = (server.address() as AddressInfo).port;
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return target;
}
