/** Logs on stderr: JSON lines for machines, coloured lines where a person looks. */
import { destination, type Logger, pino } from 'pino';
import { PinoPretty } from 'pino-pretty';

export type { Logger };

/** `level` as pino names it ("debug", "warn", "silent"); any other text is "info". */
export function createLog(name: string, level: string, isTty: boolean): Logger {
  const known = level === 'silent' || Object.hasOwn(pino.levels.values, level);
  const options = { name, level: known ? level : 'info', base: { name } };
  if (!isTty) return pino({ ...options, timestamp: isoTime }, destination({ fd: 2, sync: true }));
  const pretty = PinoPretty({
    destination: 2,
    sync: true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname,name',
  });
  return pino(options, pretty);
}

function isoTime(): string {
  return `,"time":"${new Date().toISOString()}"`;
}
