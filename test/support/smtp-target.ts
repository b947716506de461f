/** A small mail server on loopback: takes mail without encryption and keeps it. */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

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

  serve(socket: Socket): void {
    socket.on('error', () => undefined);
    if (this.hangs) return;
    const say = (line: string) => socket.write(`${line}\r\n`);
    let buffered = '';
    let from = '';
    let to: string[] = [];
    let isData = false;
    const command = (line: string): void => {
      this.commands.push(line);
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === 'EHLO') {
        socket.write('250-mail.test\r\n250 8BITMIME\r\n');
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
    say('220 mail.test ESMTP');
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
export async function smtpTarget(): Promise<SmtpTarget> {
  const target = new SmtpTarget();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    target.serve(socket);
  });
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
