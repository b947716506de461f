/** How grave each condition is, and what to do about it. */
import type { Condition, ConditionName } from '#lib/api/condition.ts';

export const CONDITION_TEXTS: Readonly<
  Record<ConditionName, Pick<Condition, 'severity' | 'notReady' | 'remedy'>>
> = {
  'disk-full': {
    severity: 'critical',
    notReady: true,
    remedy:
      'Free space on that disk, or lower retention.rawBytes and restart; storing goes on by itself as soon as there is room.',
  },
  locked: {
    severity: 'critical',
    notReady: true,
    remedy:
      'Find the program that holds the database (a backup, a sqlite3 shell) and end its transaction; storing goes on by itself when the lock is free.',
  },
  damaged: {
    severity: 'critical',
    notReady: true,
    remedy:
      'Nothing is written into it any more. Run "afdscope doctor", keep a copy, then move afdscope.db, afdscope.db-wal and afdscope.db-shm away: a new database is made by itself within seconds. Check the disk.',
  },
  'read-only': {
    severity: 'critical',
    notReady: true,
    remedy:
      'Make the data folder and its files writable for the user of the collector; storing goes on by itself.',
  },
  'folder-gone': {
    severity: 'critical',
    notReady: true,
    remedy:
      'Put the data folder back (mount the disk again), and storing goes on by itself; where an empty folder is made in its place, a new database is begun in it.',
  },
  'disk-error': {
    severity: 'critical',
    notReady: true,
    remedy:
      'Look at the kernel log (dmesg) for errors of that disk; it is tried again every second, and storing goes on by itself if it works.',
  },
  memory: {
    severity: 'critical',
    notReady: true,
    remedy: 'Give the collector more memory, or end what else takes it; it is tried again.',
  },
  'write-ahead-log': {
    severity: 'critical',
    notReady: true,
    remedy:
      'A reader keeps a transaction open, so the log cannot be emptied: end programs that read afdscope.db for minutes; storing goes on by itself when it is short again.',
  },
  'store-stopped': {
    severity: 'critical',
    notReady: true,
    remedy: 'The collector ends and its supervisor starts it again; the log says what happened.',
  },
  overload: {
    severity: 'warning',
    // A part of the requests is stored all the time: to send elsewhere would not be better.
    notReady: false,
    remedy:
      'Senders wait or are told when to send again, so nothing is lost while their queues last. If it stays: send packed steps, give the collector a faster disk or more cores, or spread deployments over collectors.',
  },
  'data-lost': {
    severity: 'warning',
    notReady: false,
    remedy:
      'Check the disk; what is stored since is not affected. This is shown until the collector starts again.',
  },
  clock: {
    severity: 'warning',
    notReady: false,
    remedy:
      'Check NTP on the collector’s machine. Stored events keep their own times, and nothing is deleted by age until the clock has been steady for ten minutes.',
  },
  alerting: {
    severity: 'warning',
    notReady: false,
    remedy:
      'What fires is told late, or not at all, while it lasts; telemetry is stored as always. Read the log; where looks take too long, give the collector more cores, or rules shorter windows and fewer series.',
  },
  'rules-file': {
    severity: 'warning',
    notReady: false,
    remedy:
      'Run "afdscope alerts check" on the file and mend it: it is read again by itself as soon as it changes.',
  },
  'receivers-file': {
    severity: 'warning',
    notReady: false,
    remedy:
      'Run "afdscope alerts check" on the file and mend it: it is read again by itself as soon as it changes.',
  },
};
