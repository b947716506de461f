import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { labelTest } from '#lib/alert/matchers.ts';
import { type NotifyInput, planNotifications } from '#lib/alert/notify-plan.ts';
import type {
  NotifyGroup,
  NotifyMessage,
  NotifyRate,
  NotifyRoute,
  NotifyTarget,
  WaitingMessage,
} from '#lib/alert/notify-state.ts';
import type { AlertJson, Matcher } from '#lib/api/alerts.ts';
import { ended, sampleAlert } from '#test/support/sample-alert.ts';

const SECOND = 1000;
const START = Date.UTC(2026, 10, 27, 12);

function route(changes: Partial<NotifyRoute> = {}, ...matchers: Matcher[]): NotifyRoute {
  const takes = labelTest(matchers);
  if (!takes.ok) throw new Error(takes.error);
  return {
    receiver: 'hook',
    takes: takes.value,
    continue: false,
    groupBy: ['deployment', 'alertname'],
    groupWaitMs: 10 * SECOND,
    groupIntervalMs: 60 * SECOND,
    repeatIntervalMs: 4 * 3600 * SECOND,
    sendResolved: true,
    ...changes,
  };
}

function is(name: string, value: string): Matcher {
  return { name, value, isRegex: false, isEqual: true };
}

interface Sent {
  readonly at: number;
  readonly receiver: string;
  readonly message: NotifyMessage;
}

/** Looks once a second, as the notifier does; receivers that are `down` take nothing. */
class World {
  readonly sent: Sent[] = [];
  readonly down = new Set<string>();
  readonly groups = new Map<string, NotifyGroup>();
  readonly rates = new Map<string, NotifyRate>();
  readonly waiting: { id: string; receiver: string; message: NotifyMessage }[] = [];
  readonly routes: readonly NotifyRoute[];
  readonly targets: ReadonlyMap<string, NotifyTarget>;
  at = 0;

  constructor(routes: readonly NotifyRoute[], targets: readonly Partial<NotifyTarget>[] = [{}]) {
    this.routes = routes;
    const all = targets.map((target) => ({
      name: 'hook',
      mode: 'group' as const,
      rateLimit: null,
      ...target,
    }));
    this.targets = new Map(all.map((target) => [target.name, target]));
  }

  look(alerts: readonly AlertJson[]): void {
    const waiting = new Map<string, WaitingMessage[]>();
    for (const one of this.waiting) {
      const { groupKey } = one.message;
      waiting.set(groupKey, [...(waiting.get(groupKey) ?? []), one]);
    }
    const { routes, targets, groups, rates } = this;
    const nowUnixMs = START + this.at * SECOND;
    const input: NotifyInput = { alerts, routes, targets, groups, rates, waiting, nowUnixMs };
    const plan = planNotifications(input);
    for (const key of plan.ended) groups.delete(key);
    for (const group of plan.groups) groups.set(group.key, group);
    for (const rate of plan.rates) rates.set(rate.receiver, rate);
    for (const { receiver, message, replaces } of plan.messages) {
      const at = this.waiting.findIndex(({ id }) => id === replaces);
      const one = { id: replaces ?? `${this.at}-${message.groupKey}`, receiver, message };
      if (at >= 0) this.waiting[at] = one;
      else this.waiting.push(one);
    }
    for (const one of [...this.waiting]) {
      if (this.down.has(one.receiver)) continue;
      this.waiting.splice(this.waiting.indexOf(one), 1);
      this.sent.push({ at: this.at, receiver: one.receiver, message: one.message });
    }
  }

  /** Until `seconds`, with the same alerts. */
  until(seconds: number, alerts: readonly AlertJson[]): void {
    for (; this.at < seconds; this.at++) this.look(alerts);
  }

  /** "10 hook a firing, b resolved" */
  told(): string[] {
    return this.sent.map(({ at, receiver, message }) => `${at} ${receiver} ${textOf(message)}`);
  }
}

function textOf({ action, alerts, isRepeat }: NotifyMessage): string {
  const texts = alerts.map(
    ({ id, state }) => `${id} ${action === 'acknowledge' ? 'taken' : state}`,
  );
  return `${texts.join(', ')}${isRepeat ? ' again' : ''}`;
}

const a = sampleAlert('a');
const b = sampleAlert('b');
const other = sampleAlert('o', { rule: 'hang', severity: 'critical' });

describe('groups', () => {
  test('wait for more, then tell what is new once an interval, and the end of it', () => {
    const world = new World([route()]);
    world.until(5, [a]);
    world.until(20, [a, b]);
    world.until(100, [a, b, sampleAlert('c')]);
    world.until(200, [ended(a), b, sampleAlert('c')]);
    world.until(300, [ended(b), ended(sampleAlert('c'))]);
    expect(world.told()).toEqual([
      '10 hook a firing, b firing',
      '70 hook a firing, b firing, c firing',
      '130 hook b firing, c firing, a resolved',
      '200 hook b resolved, c resolved',
    ]);
    expect(world.groups.size).toBe(0);
  });

  test('are those of their labels', () => {
    const world = new World([route({ groupBy: ['deployment'] })]);
    world.until(15, [a, other, sampleAlert('x', { deployment: 'test' })]);
    expect(world.told()).toEqual(['10 hook a firing, o firing', '10 hook x firing']);
    expect(world.sent[0]!.message).toMatchObject({
      groupKey: 'hook:{deployment="prod"}',
      groupLabels: { deployment: 'prod' },
    });
    const apart = new World([route({ groupBy: ['...'] })]);
    apart.until(15, [a, b]);
    expect(apart.told()).toEqual(['10 hook a firing', '10 hook b firing']);
  });

  test('repeat what still fires, and what was acknowledged not', () => {
    const world = new World([route({ repeatIntervalMs: 120 * SECOND })]);
    world.until(200, [a]);
    world.until(500, [{ ...a, acknowledged: { by: 'kim', atUnixMs: 0, comment: '' } }]);
    expect(world.told()).toEqual(['10 hook a firing', '130 hook a firing again']);
  });

  test('say nothing of an alert that ends within their wait', () => {
    const world = new World([route()]);
    world.until(5, [a]);
    world.until(100, [ended(a)]);
    expect(world.told()).toEqual([]);
    expect(world.groups.size).toBe(0);
  });

  test('whose alert is no longer listed tell its end', () => {
    const world = new World([route()]);
    world.until(20, [a]);
    world.until(100, []);
    expect(world.told()).toEqual(['10 hook a firing', '70 hook a resolved']);
  });

  test('go on when the clock is set back', () => {
    const world = new World([route()]);
    world.until(20, [a]);
    world.at = -3600;
    world.until(-3500, [a, b]);
    expect(world.told()).toEqual(['10 hook a firing', '-3600 hook a firing, b firing']);
  });
});

describe('routes', () => {
  test('the first that matches takes it, unless it goes on', () => {
    const world = new World(
      [
        route({ receiver: 'night', continue: true }, is('severity', 'critical')),
        route({ receiver: 'team' }, is('alertname', 'hang')),
        route({ receiver: 'rest' }),
      ],
      [{ name: 'night' }, { name: 'team' }, { name: 'rest' }],
    );
    world.until(15, [a, other]);
    expect(world.told().sort()).toEqual([
      '10 night o firing',
      '10 rest a firing',
      '10 team o firing',
    ]);
  });

  test('without send_resolved say nothing of the end', () => {
    const world = new World([route({ sendResolved: false })]);
    world.until(20, [a]);
    world.until(200, [ended(a)]);
    expect(world.told()).toEqual(['10 hook a firing']);
    expect(world.groups.size).toBe(0);
  });

  test('that went away leave no alert untold of its end', () => {
    const world = new World([route()]);
    world.until(20, [a]);
    const changed = new World([route({ groupBy: ['severity'] })]);
    for (const [key, group] of world.groups) changed.groups.set(key, group);
    changed.at = 100;
    changed.until(105, [a]);
    changed.until(120, [ended(a)]);
    expect(changed.told()).toEqual(['105 hook a resolved']);
  });
});

describe('muted alerts', () => {
  test.each([
    ['silenced', { silencedBy: ['s'] }],
    ['inhibited', { inhibitedBy: 'x' }],
    ['acknowledged before it was told', { acknowledged: { by: 'kim', atUnixMs: 0, comment: '' } }],
  ] as const)('%s: not told, and told once that is over', (_, muted) => {
    const world = new World([route()]);
    const quiet = {
      ...a,
      ...muted,
      silencedBy: [...('silencedBy' in muted ? muted.silencedBy : [])],
    };
    world.until(100, [quiet]);
    expect(world.told()).toEqual([]);
    world.until(120, [a]);
    expect(world.told()).toEqual(['110 hook a firing']);
  });

  test('whose beginning was told: their end is, too', () => {
    const world = new World([route({ repeatIntervalMs: 120 * SECOND })]);
    world.until(20, [a]);
    world.until(300, [{ ...a, silencedBy: ['s'] }]);
    world.until(400, [{ ...ended(a), silencedBy: ['s'] }]);
    expect(world.told()).toEqual(['10 hook a firing', '300 hook a resolved']);
  });
});

describe('a receiver that is down', () => {
  test('gets one message of a group, with both times of what ended meanwhile', () => {
    const world = new World([route()]);
    world.down.add('hook');
    world.until(100, [a]);
    world.until(300, [ended(a), b]);
    world.until(5000, [b, sampleAlert('c')]);
    expect(world.waiting.length).toBe(1);
    world.down.clear();
    world.until(5001, [b, sampleAlert('c')]);
    expect(world.told()).toEqual(['5000 hook b firing, c firing, a resolved']);
  });

  test('hears of the end even where nobody wants to, or it would be told a stale alarm', () => {
    const world = new World([route({ sendResolved: false })]);
    world.down.add('hook');
    world.until(100, [a]);
    world.until(300, [ended(a)]);
    world.down.clear();
    world.until(301, [ended(a)]);
    expect(world.told()).toEqual(['300 hook a resolved']);
  });

  test('that keeps each alert gets its beginning and its end, however often it flapped', () => {
    const world = new World([route()], [{ mode: 'each' }]);
    world.down.add('hook');
    for (let i = 0; i < 5; i++) {
      world.until(i * 400 + 200, [a]);
      world.until(i * 400 + 400, [ended(a)]);
    }
    world.down.clear();
    world.until(2001, [ended(a)]);
    expect(world.told()).toEqual(['2000 hook a firing', '2000 hook a resolved']);
  });
});

describe('receivers that keep each alert', () => {
  test('are told each step of it', () => {
    const world = new World([route()], [{ mode: 'each' }]);
    world.until(50, [a, b]);
    const taken = { ...a, acknowledged: { by: 'kim', atUnixMs: 0, comment: '' } };
    world.until(80, [taken, b]);
    world.until(200, [ended(taken), b]);
    expect(world.told()).toEqual([
      '10 hook a firing',
      '10 hook b firing',
      '50 hook a taken',
      '110 hook a resolved',
    ]);
  });
});

describe('receivers that group by themselves', () => {
  test('are told each change at once, in one message, and no repeats', () => {
    const world = new World([route({ repeatIntervalMs: 60 * SECOND })], [{ mode: 'all' }]);
    world.until(50, [a, other]);
    world.until(500, [ended(a), other, b]);
    expect(world.told()).toEqual([
      '0 hook a firing, o firing',
      '50 hook b firing, o firing, a resolved',
    ]);
  });
});

describe('a rate limit', () => {
  const limit = { messages: 2, perMs: 600 * SECOND };
  const many = ['p', 'q', 'r', 's'].map((rule) => sampleAlert(rule, { rule }));

  test('lets the most severe through, merges the rest, and says so', () => {
    const world = new World([route()], [{ rateLimit: limit }]);
    world.until(20, [...many, other]);
    expect(world.told()).toEqual([
      '10 hook o firing',
      '10 hook p firing, q firing, r firing, s firing',
    ]);
    expect(world.sent[1]!.message.held).toEqual({ forMs: 0, groups: 4 });
    expect(world.sent[1]!.message.groupLabels).toEqual({});
  });

  test('holds back what is over it, and loses nothing that ends meanwhile', () => {
    const world = new World([route()], [{ rateLimit: limit }]);
    world.until(15, [a]);
    world.until(30, [a, other]);
    world.until(200, [a, other, ...many]);
    world.until(590, [a, other, ...many.map((alert) => ended(alert))]);
    expect(world.told()).toEqual(['10 hook a firing', '25 hook o firing']);
    world.until(700, [a, other, ...many.map((alert) => ended(alert))]);
    expect(world.told().slice(2)).toEqual([
      '610 hook p resolved, q resolved, r resolved, s resolved',
    ]);
    expect(world.sent[2]!.message.held).toMatchObject({ groups: 4 });
    expect(world.sent[2]!.message.held!.forMs).toBeGreaterThan(500 * SECOND);
  });

  test('of a receiver that keeps each alert tells what it missed as begun, then as ended', () => {
    const world = new World(
      [route({ groupIntervalMs: SECOND })],
      [{ mode: 'each', rateLimit: limit }],
    );
    world.until(20, [a, b]);
    world.until(200, [a, b, other]);
    world.until(1300, [a, b, ended(other)]);
    expect(world.told()).toEqual([
      '10 hook a firing',
      '10 hook b firing',
      '610 hook o firing',
      '611 hook o resolved',
    ]);
  });
});

test('two messages that wait say the same of an alert, whichever of them comes last', () => {
  const world = new World([route()], [{ rateLimit: { messages: 1, perMs: 120 * SECOND } }]);
  const one = sampleAlert('one', { rule: 'bubbles' });
  const two = sampleAlert('two', { rule: 'imbalance' });
  world.until(1, [one]);
  world.down.add('hook');
  world.until(11, [one, two]);
  world.until(131, [ended(one), two]);
  world.until(250, [one, two]);
  world.down.clear();
  world.until(2250, [one, two]);
  expect(world.told()).toEqual(['250 hook one firing', '250 hook one firing, two firing']);
});

test('whatever happens: each alert that fires for long is told, and then its end, in that order', () => {
  const step = fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd'),
    is: fc.constantFrom('firing', 'resolved'),
    seconds: fc.integer({ min: 1, max: 200 }),
    isDown: fc.boolean(),
  });
  const mode = fc.constantFrom('group', 'each', 'all') as fc.Arbitrary<NotifyTarget['mode']>;
  const rateLimit = fc.option(
    fc.record({ messages: fc.integer({ min: 1, max: 4 }), perMs: fc.constant(120 * SECOND) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), mode, rateLimit, (steps, mode, rateLimit) => {
      const world = new World([route()], [{ mode, rateLimit }]);
      const states = new Map<string, AlertJson>();
      const firedFor = new Map<string, number>();
      for (const { id, is, seconds, isDown } of steps) {
        const alert = sampleAlert(id, { rule: `rule-${id}` });
        states.set(id, is === 'firing' ? alert : ended(alert));
        if (isDown) world.down.add('hook');
        else world.down.clear();
        world.until(world.at + seconds, [...states.values()]);
        for (const [other, { state }] of states) {
          const before = firedFor.get(other) ?? 0;
          firedFor.set(other, state === 'firing' ? before + seconds : before >= 120 ? before : 0);
        }
      }
      world.down.clear();
      const last = [...states.values()];
      world.until(world.at + 2000, last);
      expect(world.waiting).toEqual([]);
      for (const alert of last) {
        const heard = world.sent.flatMap(({ message }) =>
          message.alerts.filter(({ id }) => id === alert.id).map(({ state }) => state),
        );
        // Fired through its wait and an interval: it was due, and so it must have been told.
        if ((firedFor.get(alert.id) ?? 0) >= 120) expect(heard.length).toBeGreaterThan(0);
        // What the receiver believes at last is what is.
        if (heard.length > 0) expect(heard.at(-1)).toBe(alert.state);
      }
    }),
    {
      numRuns: 300,
      examples: [
        [
          [
            { id: 'c', is: 'firing', seconds: 1, isDown: false },
            { id: 'a', is: 'firing', seconds: 10, isDown: true },
            { id: 'c', is: 'resolved', seconds: 120, isDown: true },
            { id: 'c', is: 'firing', seconds: 1, isDown: true },
            { id: 'a', is: 'firing', seconds: 118, isDown: true },
          ],
          'group',
          { messages: 1, perMs: 120 * SECOND },
        ],
      ],
    },
  );
});
