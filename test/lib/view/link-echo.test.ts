import { describe, expect, test } from 'vitest';
import { LinkEcho } from '#lib/view/link-echo.ts';

describe('LinkEcho', () => {
  test('what was written here is not opened, however late and incomplete it is seen', () => {
    const echo = new LinkEcho('start');
    for (const link of ['a', 'b', 'c', 'd']) echo.wrote(link);
    expect(echo.sees('a')).toBe(false);
    expect(echo.sees('a')).toBe(false);
    expect(echo.sees('c')).toBe(false);
    echo.wrote('e');
    expect(echo.sees('d')).toBe(false);
    expect(echo.sees('e')).toBe(false);
  });

  test('what somebody else set is opened, once', () => {
    const echo = new LinkEcho('start');
    expect(echo.sees('start')).toBe(false);
    expect(echo.sees('other')).toBe(true);
    expect(echo.sees('other')).toBe(false);
    echo.wrote('a');
    expect(echo.sees('a')).toBe(false);
    // Back.
    expect(echo.sees('other')).toBe(true);
  });

  test('a link that was passed over is somebody’s wish when it is seen later', () => {
    const echo = new LinkEcho('start');
    echo.wrote('a');
    echo.wrote('b');
    expect(echo.sees('b')).toBe(false);
    expect(echo.sees('a')).toBe(true);
  });

  test('there and back again: each is an echo', () => {
    const echo = new LinkEcho('start');
    for (const link of ['a', 'start', 'a']) echo.wrote(link);
    for (const link of ['a', 'start', 'a']) expect(echo.sees(link)).toBe(false);
  });

  test('a foreign link is known before the page is rendered with it', () => {
    const echo = new LinkEcho('start');
    echo.wrote('a');
    expect(echo.isForeign('start')).toBe(false);
    expect(echo.isForeign('a')).toBe(false);
    expect(echo.isForeign('other')).toBe(true);
    expect(echo.isForeign('other')).toBe(true);
    expect(echo.sees('other')).toBe(true);
    expect(echo.sees('a')).toBe(true);
  });
});
