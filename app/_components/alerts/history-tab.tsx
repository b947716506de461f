'use client';

import { ChevronRightIcon } from 'lucide-react';
import Link from 'next/link';
import { useMemo } from 'react';
import type { AlertJson } from '#lib/api/alerts.ts';
import { HISTORY_FILTERS, type HistoryFilter } from '#lib/view/alert-choice.ts';
import {
  type AlertEpisode,
  alertEpisodes,
  changeText,
  episodeText,
  filteredEpisodes,
} from '#lib/view/alert-history.ts';
import { alertPlace, nanosOf } from '#lib/view/alert-links.ts';
import { deploymentName, subjectText } from '#lib/view/alert-words.ts';
import { instantText } from '#lib/view/format.ts';
import { apiRange, rangeText } from '#lib/view/time-range.ts';
import { problemOf, useDashboard } from '../dashboard.tsx';
import { Waiting } from '../skeleton.tsx';
import { ErrorState } from '../states.tsx';
import { TimelineLink } from '../timeline-link.tsx';
import { useNow } from '../use-now.ts';
import { SeverityMark } from './severity-mark.tsx';
import { useAlertHistory, useRules } from './use-alerts.ts';

const FILTER_NAMES: Readonly<Record<HistoryFilter, string>> = {
  fired: 'Fired',
  flapping: 'Flapping',
  pending: 'Pending alone, too',
};

/** The log of alerts is kept for so long. */
const ALL_KEPT = { from: '-90d', to: 'now' };

/** Every time that an alert fired, from the first sign to the end. */
export function HistoryTab({ alerts }: { readonly alerts: readonly AlertJson[] }) {
  const { state, update, deployment } = useDashboard();
  const { alerts: choice, range } = state;
  const rules = useRules().data?.rules ?? [];
  const asked = useAlertHistory({
    ...(range.kind === 'live' ? ALL_KEPT : apiRange(range)),
    ...(choice.isOneDeployment && deployment !== null ? { deployment } : {}),
    ...(choice.rule === null ? {} : { rule: choice.rule }),
  });
  const events = useMemo(() => asked.data?.pages.flatMap((page) => page.events), [asked.data]);
  const episodes = useMemo(
    () => filteredEpisodes(alertEpisodes(events ?? []), choice.history),
    [events, choice.history],
  );
  const names = [
    ...new Set([
      ...rules.map(({ rule }) => rule.name),
      ...(choice.rule === null ? [] : [choice.rule]),
    ]),
  ].sort();
  const problem = problemOf(asked.error);
  const firing = new Set(alerts.filter(({ state: now }) => now === 'firing').map(({ id }) => id));
  return (
    <>
      <div className="flex flex-wrap items-center gap-3">
        <select
          className="control max-w-64"
          aria-label="Rule"
          value={choice.rule ?? ''}
          onChange={({ target }) =>
            update({ alerts: { ...choice, rule: target.value || null } }, 'replace')
          }
        >
          <option value="">all rules</option>
          {names.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
        <fieldset className="segments" aria-label="Episodes">
          {HISTORY_FILTERS.map((filter) => (
            <button
              key={filter}
              type="button"
              className="control"
              aria-pressed={choice.history === filter}
              onClick={() => update({ alerts: { ...choice, history: filter } }, 'replace')}
            >
              {FILTER_NAMES[filter]}
            </button>
          ))}
        </fieldset>
        <span className="text-small text-muted">
          {range.kind === 'live'
            ? 'all that is kept (90 days); the time range narrows it'
            : rangeText(range)}
        </span>
      </div>
      {events === undefined ? (
        problem === null ? (
          <Waiting heightPx={240} text="Loading the history" />
        ) : (
          <ErrorState problem={problem} onRetry={() => void asked.refetch()} />
        )
      ) : episodes.length === 0 ? (
        <section className="panel p-4" data-testid="no-history">
          <h2 className="font-semibold">
            {choice.history === 'flapping' ? 'No alert flapped' : 'No alert fired'} in this time
          </h2>
          <p className="mt-1 text-muted">
            Each episode of an alert is kept for 90 days, with every change of its state.
          </p>
        </section>
      ) : (
        <section className="panel overflow-x-auto" aria-label="History">
          <table className="w-full text-small" data-testid="alert-history">
            <thead className="text-muted">
              <tr>
                {['Fired', 'For', 'Severity', 'Rule', 'What', 'Deployment', ''].map((name) => (
                  <th key={name} scope="col" className="px-2 py-1 text-left font-normal first:pl-3">
                    {name === '' ? <span className="sr-only">Timeline</span> : name}
                  </th>
                ))}
              </tr>
            </thead>
            {episodes.map((episode) => (
              <Episode
                key={`${episode.alertId} ${episode.fromUnixMs}`}
                episode={episode}
                isFiring={firing.has(episode.alertId)}
              />
            ))}
          </table>
        </section>
      )}
      {asked.hasNextPage && (
        <button
          type="button"
          className="control self-start"
          disabled={asked.isFetchingNextPage}
          onClick={() => void asked.fetchNextPage()}
        >
          {asked.isFetchingNextPage ? 'Loading…' : 'Show older ones'}
        </button>
      )}
    </>
  );
}

function Episode({
  episode,
  isFiring,
}: {
  readonly episode: AlertEpisode;
  readonly isFiring: boolean;
}) {
  const { state, update, hrefOf } = useDashboard();
  const now = useNow(5_000);
  const { alerts: choice } = state;
  const at = episode.firedUnixMs ?? episode.fromUnixMs;
  const { local, utc } = instantText(at);
  const key = `${episode.alertId}@${episode.fromUnixMs}`;
  const isOpen = choice.alert === key;
  const isLost = episode.toUnixMs === null && !isFiring && episode.firedUnixMs !== null;
  const toMs = Math.min(episode.toUnixMs ?? now, at + 50_000);
  return (
    <tbody data-testid="episode" data-rule={episode.rule}>
      <tr className="border-t border-line">
        <th scope="row" className="py-1 pr-2 pl-2 text-left font-normal whitespace-nowrap">
          <button
            type="button"
            className="flex items-center gap-1"
            aria-expanded={isOpen}
            title={`${utc}. Shows every change.`}
            onClick={() => update({ alerts: { ...choice, alert: isOpen ? null : key } }, 'replace')}
          >
            <ChevronRightIcon size={13} aria-hidden className={isOpen ? 'rotate-90' : ''} />
            {local}
          </button>
        </th>
        <td className="px-2 whitespace-nowrap">
          {isLost ? 'end unknown' : episodeText(episode, now)}
          {episode.isFlapping && (
            <span
              className="ml-1.5 text-warning"
              title="It fired three times or more within an hour"
            >
              flapping
            </span>
          )}
        </td>
        <td className="px-2">
          <SeverityMark severity={episode.severity} isMuted={!isFiring} />
        </td>
        <td className="px-2 whitespace-nowrap">
          <Link
            className="text-accent"
            href={hrefOf('/rules', { alerts: { ...choice, alert: null, rule: episode.rule } })}
            prefetch={false}
          >
            {episode.rule}
          </Link>
        </td>
        <td className="px-2">
          {subjectText(episode.labels) || '–'}
          {episode.isInhibited && (
            <span className="text-muted" title="Another alert explained it">
              {' '}
              · consequence
            </span>
          )}
        </td>
        <td className="px-2">{deploymentName(episode.deployment)}</td>
        <td className="py-1 pr-3 pl-2 text-right">
          {episode.deployment !== '' && (
            <TimelineLink
              window={{ fromUnixNs: nanosOf(episode.fromUnixMs - 10_000), toUnixNs: nanosOf(toMs) }}
              place={alertPlace(episode.labels)}
              title="Timeline of that time"
            >
              timeline
            </TimelineLink>
          )}
        </td>
      </tr>
      {isOpen && (
        <tr>
          <td colSpan={7} className="px-8 pb-2">
            <ul>
              {episode.changes.map((change) => (
                <li key={`${change.atUnixMs} ${change.change}`} className="flex gap-3 py-0.5">
                  <span
                    className="whitespace-nowrap text-muted"
                    title={instantText(change.atUnixMs).utc}
                  >
                    {instantText(change.atUnixMs).local.slice(11)}
                  </span>
                  <span className="break-words">{changeText(change)}</span>
                </li>
              ))}
            </ul>
          </td>
        </tr>
      )}
    </tbody>
  );
}
