/** The panels of the Timeline page over the running demo: what they say is what the API says. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { deleteAnnotation, fetchAnnotations, fetchReport } from '#lib/api/client.ts';
import {
  fetchTimelineFlow,
  fetchTimelineSearch,
  fetchTimelineStats,
  fetchTimelineSteps,
  fetchTimelineTile,
} from '#lib/api/timeline-client.ts';
import type { TimelineStep } from '#lib/api/timeline-steps.ts';
import type { CauseName } from '#lib/api/waits.ts';
import { CAUSES } from '#lib/view/cause-look.ts';
import { STAGE_COLOURS } from '#lib/view/palette.ts';
import { eventAt, waitParts } from '#lib/view/timeline-details.ts';
import { flowText } from '#lib/view/timeline-flow-view.ts';
import type { TimelineEvent } from '#lib/view/timeline-selection.ts';
import { CHROMIUM, inkOf, pixelsOf, SIZES } from './browser.ts';
import { running } from './running.ts';
import { expectFits, expectSound, FOUND, parameter, soon } from './soon.ts';
import { DEPLOYMENT, drawn, exactNs, storedSteps, windowOf } from './timeline-page.ts';

describe.skipIf(CHROMIUM === null)('timeline panels', () => {
  /** A step whose events are all there, and so are those of its neighbours. */
  let step: TimelineStep;
  const run = running('demo', async (product) => {
    step = (await storedSteps(product, 20)).at(-8)!;
  });

  const api = () => ({ baseUrl: run.product.web });

  /** The page on one step, drawn. */
  async function openStep(page: Page, more = ''): Promise<void> {
    const { startUnixNs, durationNs } = step;
    await page.goto(
      `${run.product.web}/timeline?d=${DEPLOYMENT}&at=${startUnixNs}&span=${durationNs}${more}`,
    );
    await drawn(page);
  }

  test('an area: its numbers are those of the API and of the report', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[0]);
    await openStep(page);
    // Drawn by hand on the axis, over the middle of the step.
    const axis = (await page.getByTestId('timeline-axis').boundingBox())!;
    await page.mouse.move(axis.x + axis.width * 0.25, axis.y + axis.height / 2);
    await page.mouse.down();
    await page.mouse.move(axis.x + axis.width * 0.5, axis.y + axis.height / 2, { steps: 5 });
    await page.mouse.move(axis.x + axis.width * 0.75, axis.y + axis.height / 2, { steps: 5 });
    await page.mouse.up();
    await page.getByTestId('area-table').waitFor(FOUND);
    await soon(() => parameter(page, 'sel')).toMatch(/^area~\d+~\d+~\*$/);
    const drawnArea = () => parameter(page, 'sel')!.split('~') as ['area', string, string, string];
    // The link comes after the hand: what it held in the midst of the drag is not meant.
    const offHalf = () => {
      const [, start, end] = drawnArea();
      return Math.abs(Number(BigInt(end) - BigInt(start)) / step.durationNs - 0.5);
    };
    await soon(offHalf).toBeLessThan(0.02);
    const [, from, to] = drawnArea();

    const stats = await fetchTimelineStats(DEPLOYMENT, { from, to }, api());
    expect(stats.exactness).toBe('raw');
    await soon(() => page.getByTestId('area-counts').textContent()).toContain(
      `${stats.workers} workers, ${stats.events.toLocaleString('en-US')} events`,
    );
    const rows = page.getByTestId('area-table').locator('tbody tr');
    await soon(() => rows.count()).toBe(stats.stages.length);
    for (const stage of stats.stages) {
      const row = page.locator(`tr[data-row="${stage.group} ${stage.stage} ${stage.kind}"]`);
      const cells = row.locator('td');
      await soon(() => cells.nth(2).textContent()).toBe(stage.count.toLocaleString('en-US'));
      await soon(() => exactNs(cells.nth(3))).toBe(stage.sumNs);
      await soon(() => exactNs(cells.nth(8))).toBeCloseTo(stage.durationNs.p99, 5);
      await soon(() => exactNs(cells.nth(9))).toBe(stage.durationNs.max);
    }

    // The report of the same window: compute of a group, and its waiting by cause.
    const report = await fetchReport(DEPLOYMENT, { from, to }, api());
    for (const group of report.groups) {
      const ofGroup = stats.stages.filter((stage) => stage.group === group.group);
      const computeNs = ofGroup
        .filter(({ kind }) => kind === 'compute')
        .reduce((sum, { sumNs }) => sum + sumNs, 0);
      expect(computeNs, group.group).toBe(group.computeNs);
    }
    const ofStats = (name: string) => stats.causes.find(({ cause }) => cause === name)?.ns ?? 0;
    const ofReport = (name: CauseName) =>
      report.groups.reduce((sum, { causes }) => sum + causes[name], 0);
    for (const { name } of CAUSES) expect(ofStats(name), name).toBe(ofReport(name));

    // Heads sort; bars of the histogram tell their range.
    await page.getByRole('button', { name: 'p99' }).click();
    const longest = [...stats.stages].sort((a, b) => b.durationNs.p99 - a.durationNs.p99)[0]!;
    await soon(() => rows.first().getAttribute('data-row')).toBe(
      `${longest.group} ${longest.stage} ${longest.kind}`,
    );
    const histogram = page.getByRole('slider', { name: /^Durations of the area/ });
    await histogram.focus();
    await page.keyboard.press('ArrowRight');
    await soon(() => page.getByTestId('histogram-text').textContent()).toMatch(
      / to .*: [\d,]+ events?, [\d.]+ %$/,
    );
    const compare = page.getByRole('link', { name: /Compare with before/ });
    await soon(() => compare.getAttribute('href')).toContain(`b.from=${from}&b.to=${to}`);
    await expectSound({ page, complaints });
  });

  /** Events of the step's middle, as the API's tile has them. */
  async function tileEvents(workerId: string, stage: string): Promise<readonly TimelineEvent[]> {
    const tile = await fetchTimelineTile(
      DEPLOYMENT,
      { ...windowOf(step), workers: [workerId], stages: [stage], bins: 4_000 },
      api(),
    );
    if (tile.detail !== 'events')
      throw new Error('The tile of one worker and stage has no events.');
    return Array.from(tile.columns.row, (_, i) => eventAt(tile, i)).filter(
      (event) => event.step === step.step,
    );
  }

  test('a click on a box tells what the tile knows of it; its flow is that of the API', async () => {
    const { page, complaints } = await run.visit('light', SIZES[0]);
    const events = await tileEvents('ffn/1', 'expert');
    const event = events[Math.floor(events.length / 2)]!;
    // A tenth of a step, so that a box is wide enough to be hit.
    const spanNs = Math.round(step.durationNs / 10);
    const at = event.startUnixNs - BigInt(Math.round(spanNs / 3));
    await page.goto(`${run.product.web}/timeline?d=${DEPLOYMENT}&at=${at}&span=${spanNs}`);
    await drawn(page);
    await soon(() => page.getByTestId('timeline-surface').getAttribute('data-detail'), FOUND).toBe(
      'events',
    );
    const header = page.locator('li', {
      has: page.getByRole('button', { name: /^ffn\/1: / }),
    });
    const panel = page.getByTestId('event-details');
    const clicked = async (): Promise<string | null> => {
      // A banner that comes or goes moves the picture: places are read for every click.
      await header.scrollIntoViewIfNeeded();
      const surface = (await page.getByTestId('timeline-surface').boundingBox())!;
      const row = (await header.boundingBox())!;
      const offsetNs = Number(event.startUnixNs - at) + event.durationNs / 2;
      await page.mouse.click(surface.x + (offsetNs / spanNs) * surface.width, row.y + 8);
      await panel.waitFor({ timeout: 10_000 }).catch(() => {});
      const starts = await panel.evaluateAll((found) =>
        found.map((element) => element.getAttribute('data-start')),
      );
      return starts[0] ?? null;
    };
    await soon(clicked, FOUND).toBe(String(event.startUnixNs));
    const text = () => panel.textContent();
    await soon(text).toContain(`${event.durationNs.toLocaleString('en-US')} ns`);
    await soon(text).toContain(
      `step ${event.step.toLocaleString('en-US')}, layer ${event.layer}, micro-batch ${event.microbatch}`,
    );
    if (event.tokens >= 0) await soon(text).toContain(event.tokens.toLocaleString('en-US'));
    await soon(text).toMatch(/In its step.*after its start/);
    const start = panel.locator('time').first();
    await soon(() => start.getAttribute('title')).toMatch(/Z\n\d{19} ns since 1970$/);

    // Slack on demand.
    await panel.getByRole('button', { name: 'work it out' }).click();
    await soon(() => panel.textContent(), FOUND).toMatch(
      /Slack(none: on the critical path|[\d.]+ (ns|µs|ms))/,
    );

    // The flow of its micro-batch, in words, equal to the API's.
    await page.keyboard.press('x');
    await page.waitForURL(/follow=1/);
    const { domain, step: number, layer, microbatch } = event;
    const flow = await fetchTimelineFlow(
      DEPLOYMENT,
      { domain, step: number, layer, microbatch, at: String(event.startUnixNs) },
      api(),
    );
    expect(flow.arrows.filter(({ kind }) => kind === 'a2f').length).toBeGreaterThan(0);
    await soon(() => page.getByTestId('flow-text').textContent()).toContain(flowText(flow));

    // The next of the same stage is that of the tile.
    await panel.getByRole('button', { name: 'Same stage, next' }).click();
    const next = events[Math.floor(events.length / 2) + 1]!;
    await soon(() => panel.getAttribute('data-start')).toBe(String(next.startUnixNs));
    await expectFits(page);
    expect(complaints).toEqual([]);
  });

  /** The longest wait in a millisecond of the step that was somebody's fault and has a key. */
  async function waitBecauseOfSomebody(): Promise<TimelineEvent> {
    const from = BigInt(step.startUnixNs) + BigInt(Math.round(step.durationNs / 2));
    const range = { from: String(from), to: String(from + 1_000_000n) };
    const tile = await fetchTimelineTile(DEPLOYMENT, { ...range, bins: 4_000 }, api());
    if (tile.detail !== 'events') throw new Error('The tile of a millisecond has no events.');
    const waits = Array.from(tile.columns.row, (_, i) => eventAt(tile, i)).filter(
      (event) =>
        event.kind === 'wait' &&
        event.microbatch >= 0 &&
        waitParts(tile, event).parts.some(({ culpritId }) => culpritId !== null),
    );
    return waits.sort((a, b) => b.durationNs - a.durationNs)[0]!;
  }

  test('a wait names its cause and culprit, and leads to the culprit’s event', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[1]);
    const wait = await waitBecauseOfSomebody();
    const { workerId, stage, kind, stream, startUnixNs, durationNs } = wait;
    const numbers = [wait.layer, wait.microbatch, wait.step, wait.domain, wait.peer, -1, -1];
    const sel = [
      ...['event', workerId, stage, kind, stream, startUnixNs, durationNs],
      ...numbers,
    ].join('~');
    await openStep(page, `&panel=details&sel=${encodeURIComponent(sel)}`);
    const list = page.getByTestId('wait-list');
    await soon(() => list.textContent(), FOUND).toMatch(/because of (ffn|attention)\/\d/);
    const culprit = list.getByRole('button').first();
    await culprit.waitFor();
    const told = (await culprit.textContent()) ?? '';
    await culprit.click();
    await soon(() => page.getByTestId('event-details').textContent()).toContain(
      told.split(': ')[0],
    );
    await soon(() => parameter(page, 'panel')).toBe('details');
    await expectFits(page);
    expect(complaints).toEqual([]);
  });

  test('steps: next and previous, the slowest, those over a target', async () => {
    const { page, complaints } = await run.visit('light', SIZES[1]);
    await openStep(page);
    await page.getByRole('button', { name: 'Steps', exact: true }).click();
    const current = page.getByTestId('current-step');
    await soon(() => current.textContent()).toContain(`step ${step.step.toLocaleString('en-US')}`);
    await page.keyboard.press(']');
    await soon(() => parameter(page, 'sel')).toMatch(/^step~0~\d+~\d+~\d+$/);
    const next = parameter(page, 'sel')!.split('~');
    expect(BigInt(next[3]!)).toBeGreaterThan(BigInt(step.startUnixNs));
    await soon(() => current.textContent()).toContain(
      `step ${Number(next[2]).toLocaleString('en-US')}`,
    );
    await page.keyboard.press('[');
    await soon(() => parameter(page, 'sel')).toBe(
      `step~0~${step.step}~${step.startUnixNs}~${step.durationNs}`,
    );

    // Ten steps in view: the slowest of them first, those over a target counted.
    const spanNs = 10 * step.durationNs;
    const from = BigInt(step.startUnixNs) - BigInt(5 * step.durationNs);
    await page.goto(
      `${run.product.web}/timeline?d=${DEPLOYMENT}&at=${from}&span=${spanNs}&panel=steps`,
    );
    await drawn(page);
    const question = { from: String(from), to: String(from + BigInt(spanNs)) };
    const answer = await fetchTimelineSteps(DEPLOYMENT, { ...question, order: 'slowest' }, api());
    const items = page.getByTestId('step-list').getByRole('button');
    await soon(() => items.count()).toBe(answer.steps.length);
    await soon(() => items.first().getAttribute('data-step')).toBe(String(answer.steps[0]!.step));
    const median = answer.steps[Math.floor(answer.steps.length / 2)]!;
    const targetMs = Math.round(median.durationNs / 1e3) / 1e3;
    await page.getByRole('textbox', { name: /^TPOT target/ }).fill(String(targetMs));
    await page.getByRole('button', { name: 'Over target' }).click();
    const over = answer.steps.filter(({ durationNs }) => durationNs > targetMs * 1e6).length;
    await soon(() => page.getByTestId('steps-summary').textContent()).toContain(
      `${over} of ${answer.total} steps over`,
    );
    await soon(() => parameter(page, 'tpot')).toBe(String(targetMs));
    await items.first().click();
    await soon(() => parameter(page, 'sel')).toContain(
      `~${answer.steps[0]!.step}~${answer.steps[0]!.startUnixNs}~`,
    );
    await expectSound({ page, complaints });
  });

  test('search: an error in place, hits that are walked through by keys', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[0]);
    const asked: URLSearchParams[] = [];
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.pathname.endsWith('/timeline/search')) asked.push(url.searchParams);
    });
    await openStep(page);
    await page.keyboard.press('/');
    const box = page.getByRole('textbox', { name: 'Search the timeline' });
    await soon(() => box.evaluate((own) => own === document.activeElement)).toBe(true);
    await page.getByTestId('search-help').waitFor();
    await page.keyboard.type('layer:many');
    await page.keyboard.press('Enter');
    await soon(() => page.getByTestId('search-problem').textContent()).toMatch(/layer/);
    await soon(() => box.getAttribute('aria-invalid')).toBe('true');
    // The refused question is the page's doing, and told.
    await soon(() => complaints.length).toBeGreaterThan(0);
    expect(complaints.every((text) => /400/.test(text))).toBe(true);
    complaints.length = 0;

    const q = `step:${step.step} layer:30 stage:expert`;
    await box.fill(q);
    await page.keyboard.press('Enter');
    await soon(() => asked.at(-1)?.get('q')).toBe(q);
    const [from, to, near] = ['from', 'to', 'near'].map((name) => asked.at(-1)!.get(name)!);
    const range = { from: from!, to: to!, near: near! };
    expect(range.to).toBe(windowOf(step).to);
    const found = await fetchTimelineSearch(DEPLOYMENT, { q, limit: 500, ...range }, api());
    expect(found.total).toBeGreaterThan(3);
    await soon(() => page.getByTestId('search-summary').textContent(), FOUND).toMatch(
      new RegExp(`^${found.total} hits`),
    );
    await page.keyboard.press('Enter');
    await soon(() => page.getByTestId('search-summary').textContent()).toMatch(/^1 of /);
    await page.keyboard.press('ArrowDown');
    await soon(() => page.getByTestId('search-summary').textContent()).toMatch(/^2 of /);
    const hit = found.hits[1]!;
    await soon(() => parameter(page, 'sel')).toContain(`~${hit.startUnixNs}~`);
    await soon(() => box.evaluate((own) => own === document.activeElement)).toBe(true);
    await expectFits(page);
    expect(complaints).toEqual([]);
  });

  test('filters are sent to the server, shown as chips, taken away one by one', async () => {
    const { page, complaints } = await run.visit('light', SIZES[1]);
    const asked: string[] = [];
    page.on('request', (request) => {
      if (request.url().includes('/timeline/tile')) asked.push(request.url());
    });
    await openStep(page);
    const legend = page.getByRole('group', { name: 'Stages' });
    await legend.getByRole('button', { name: 'expert', exact: true }).waitFor();
    await legend
      .getByRole('button', { name: 'expert', exact: true })
      .click({ modifiers: ['Shift'] });
    await page.getByRole('textbox', { name: 'Only layer' }).fill('30');
    const chips = page.getByTestId('filter-chips');
    await soon(() => chips.textContent()).toMatch(/Stage expert.*Layer 30/);
    await soon(() => asked.some((url) => /stages=expert/.test(url) && /layer=30/.test(url))).toBe(
      true,
    );
    await page.getByTestId('timeline-surface').focus();
    await page.keyboard.press('v');
    await soon(() => page.getByTestId('area-table').locator('tbody tr').count()).toBe(1);
    const stats = await fetchTimelineStats(
      DEPLOYMENT,
      { ...windowOf(step), stages: ['expert'], layer: 30 },
      api(),
    );
    await soon(() => page.getByTestId('area-counts').textContent()).toContain(
      `${stats.events} events (only stage expert, layer 30)`,
    );
    await page.getByRole('button', { name: 'Remove the filter Layer 30' }).click();
    await soon(() => chips.textContent()).toMatch(/^Stage expert/);
    await page.getByRole('button', { name: 'Remove all filters' }).click();
    await soon(() => chips.count()).toBe(0);
    await expectSound({ page, complaints });
  });

  test('what filters take away is faded where that is wanted: by button, key and link', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[1]);
    await openStep(page, '&fstages=expert');
    const ink = () => inkOf(page, '[data-testid="timeline-boxes"]');
    const button = page.getByRole('button', { name: 'Fade others' });
    await soon(() => button.getAttribute('aria-pressed')).toBe('false');
    await soon(ink).toBeGreaterThan(0);
    await button.click();
    await soon(() => parameter(page, 'dim')).toBe('1');
    // The legend has all stages by then, and the picture its height.
    const legend = page.getByRole('group', { name: 'Stages' });
    await legend.getByRole('button', { name: 'attention', exact: true }).waitFor(FOUND);
    await drawn(page);
    // Only what the filter leaves has its full colour.
    const pixels = (stage: 'attention' | 'expert') =>
      pixelsOf(page, '[data-testid="timeline-boxes"]', STAGE_COLOURS[stage]);
    await soon(() => pixels('expert'), FOUND).toBeGreaterThan(0);
    expect(await pixels('attention')).toBe(0);
    const faded = await ink();
    await expectSound({ page, complaints });
    const link = page.url();
    await page.getByTestId('timeline-surface').focus();
    await page.keyboard.press('h');
    await soon(() => parameter(page, 'dim')).toBeNull();
    await soon(ink, FOUND).toBeLessThan(faded / 1.5);
    await page.goto(link);
    await drawn(page);
    await soon(() => button.getAttribute('aria-pressed')).toBe('true');
    await soon(ink, FOUND).toBe(faded);
  });

  test('by keys alone: walk, note, copy the link; it restores everything', async () => {
    // Of a try before this one.
    const old = await fetchAnnotations(DEPLOYMENT, { from: '-1h' }, api());
    for (const { id } of old.annotations) await deleteAnnotation(id, api());
    const { page, complaints } = await run.visit('dark', SIZES[0]);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await openStep(page, '&tpot=45&fmb=0&q=layer:30');
    for (let zoom = 0; zoom < 6; zoom++) await page.keyboard.press('w');
    await drawn(page);
    await page.getByTestId('timeline-surface').focus();
    await page.keyboard.press('Shift+ArrowRight');
    await soon(() => parameter(page, 'sel')).toMatch(/^event~/);
    await page.keyboard.press('x');
    await page.keyboard.press('n');
    const note = page.getByRole('textbox', { name: 'Note' });
    await note.waitFor();
    await soon(() => note.evaluate((own) => own === document.activeElement)).toBe(true);
    await page.keyboard.type('Clock was set here');
    await page.keyboard.press('Tab');
    await page.keyboard.type('Kim');
    await page.keyboard.press('Control+Enter');
    const list = page.getByTestId('note-list');
    await soon(() => list.textContent()).toMatch(/Clock was set here.*Kim/);
    const kept = await fetchAnnotations(DEPLOYMENT, { from: '-1h' }, api());
    expect(kept.annotations.map(({ text, author }) => [text, author])).toEqual([
      ['Clock was set here', 'Kim'],
    ]);
    const [, , , , , start, length] = parameter(page, 'sel')!.split('~');
    expect(kept.annotations[0]!.fromUnixNs).toBe(start);
    const end = BigInt(start!) + BigInt(Math.ceil(Number(length)));
    expect(kept.annotations[0]!.toUnixNs).toBe(String(end));

    // Changed, then the link.
    await list.getByRole('button', { name: /^Edit the note/ }).focus();
    await page.keyboard.press('Enter');
    await note.waitFor();
    await page.keyboard.press('End');
    await page.keyboard.type(', twice');
    await page.keyboard.press('Control+Enter');
    await soon(() => list.textContent()).toMatch(/Clock was set here, twice/);
    const copy = page.getByRole('button', { name: 'Copy link' }).first();
    await copy.focus();
    await page.keyboard.press('Enter');
    await soon(() => page.getByText('copied').count()).toBeGreaterThan(0);
    const link = await page.evaluate(() => navigator.clipboard.readText());
    const selection = parameter(page, 'sel');

    const other = await run.visit('light', SIZES[1]);
    await other.page.goto(link);
    await drawn(other.page);
    expect(parameter(other.page, 'sel')).toBe(selection);
    for (const [name, value] of [
      ['tpot', '45'],
      ['fmb', '0'],
      ['q', 'layer:30'],
      ['follow', '1'],
      ['panel', 'notes'],
      ['d', DEPLOYMENT],
    ]) {
      expect(parameter(other.page, name!), name).toBe(value);
    }
    const view = (url: string) => new URL(url).searchParams;
    expect(view(other.page.url()).get('at')).toBe(view(link).get('at'));
    expect(view(other.page.url()).get('span')).toBe(view(link).get('span'));
    await soon(() => other.page.getByTestId('note-list').textContent()).toMatch(
      /Clock was set here, twice/,
    );
    await soon(() => other.page.getByTestId('filter-chips').textContent()).toMatch(/Micro-batch 0/);
    await other.page.getByRole('button', { name: 'Details', exact: true }).click();
    await soon(() => other.page.getByTestId('event-details').getAttribute('data-start')).toBe(
      start,
    );
    await expectFits(other.page);

    // Deleting asks once more.
    await other.page.getByRole('button', { name: 'Notes', exact: true }).click();
    await other.page.getByRole('button', { name: /^Delete the note/ }).click();
    await other.page.getByRole('button', { name: /^Really delete the note/ }).click();
    await soon(() => other.page.getByTestId('note-list').textContent()).not.toMatch(/twice/);
    expect((await fetchAnnotations(DEPLOYMENT, { from: '-1h' }, api())).annotations).toEqual([]);
    expect(complaints).toEqual([]);
    expect(other.complaints).toEqual([]);

    await page.getByTestId('timeline-surface').focus();
    await page.keyboard.press('?');
    await soon(() => page.getByTestId('timeline-help').textContent()).toMatch(
      /Walk from event to event.*Follow the flow.*Write a note/,
    );
  });
});
