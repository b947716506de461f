import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAddress, parseAddress, parseDuration, parseSize } from '#lib/config/quantities.ts';

describe('durations', () => {
  test.each([
    ['500ms', 5e8],
    ['30s', 30e9],
    ['2h', 7200e9],
    ['90d', 90 * 86_400e9],
    ['1h30m', 5400e9],
    [' 1.5h ', 5400e9],
    ['2w', 14 * 86_400e9],
  ])('%s', (text, durationNs) => {
    expect(parseDuration(text)).toEqual({ ok: true, value: durationNs });
  });

  test.each(['', '2', '2 hours', '-2h', 'h', '2h-', '0s', '99999d', '1e9s', '2H'])(
    'refuses %j and says what is allowed',
    (text) => {
      const parsed = parseDuration(text);
      expect(parsed.ok).toBe(false);
      if (!parsed.ok) expect(parsed.error).toContain('30s, 15m, 2h, 90d');
    },
  );
});

describe('sizes', () => {
  test.each([
    ['20GB', 20e9],
    ['64MiB', 64 * 2 ** 20],
    ['64mib', 64 * 2 ** 20],
    ['1.5 kB', 1500],
    ['1048576', 2 ** 20],
    ['1TiB', 2 ** 40],
  ])('%s', (text, bytes) => {
    expect(parseSize(text)).toEqual({ ok: true, value: bytes });
  });

  test.each(['', 'GB', '-1GB', '0', '20 G', '20GiBs', '9999999TB'])('refuses %j', (text) => {
    expect(parseSize(text).ok).toBe(false);
  });
});

describe('addresses', () => {
  test.each([
    ['127.0.0.1:4318', '127.0.0.1', 4318],
    ['localhost:0', 'localhost', 0],
    ['[::1]:4317', '::1', 4317],
    ['collector.afd.svc:65535', 'collector.afd.svc', 65_535],
  ])('%s', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ ok: true, value: { host, port } });
    expect(formatAddress({ host, port })).toBe(text);
  });

  test.each(['4318', ':4318', 'localhost', 'localhost:', '::1:4317', 'a:65536', 'http://a:1', ''])(
    'refuses %j',
    (text) => {
      expect(parseAddress(text).ok).toBe(false);
    },
  );
});

test('no text makes a parser throw', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const parse of [parseDuration, parseSize, parseAddress]) parse(text);
    }),
  );
});
