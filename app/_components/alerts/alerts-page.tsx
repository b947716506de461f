'use client';

import { RefreshCwIcon } from 'lucide-react';
import Link from 'next/link';
import { ALERT_TABS, type AlertTab } from '#lib/view/alert-choice.ts';
import { alertSections, firstGlance, watchText } from '#lib/view/alert-list.ts';
import { ageText, instantText } from '#lib/view/format.ts';
import { useDashboard } from '../dashboard.tsx';
import { PageSkeleton } from '../skeleton.tsx';
import { ErrorState } from '../states.tsx';
import { useNow } from '../use-now.ts';
import { WindowProblems } from '../window-problems.tsx';
import { ActiveTab } from './active-tab.tsx';
import { DeliveriesTab } from './deliveries-tab.tsx';
import { HistoryTab } from './history-tab.tsx';
import { SeverityMark } from './severity-mark.tsx';
import { SilencesTab } from './silences-tab.tsx';
import { useAlerts, useRules } from './use-alerts.ts';

const TAB_NAMES: Readonly<Record<AlertTab, string>> = {
  active: 'Active',
  history: 'History',
  silences: 'Silences',
  deliveries: 'Deliveries & receivers',
};

/** An evaluation that is older is worth a word. */
const LATE_MS = 30_000;

/** What is wrong now, what was, who is told. */
export function AlertsPage() {
  const { state, update, deployment, deployments, hrefOf } = useDashboard();
  const { alerts: choice } = state;
  const asked = useAlerts(2_000);
  const rules = useRules().data?.rules;
  if (asked.data === undefined) {
    return asked.problem === null ? (
      <PageSkeleton />
    ) : (
      <ErrorState problem={asked.problem} onRetry={asked.retry} />
    );
  }
  const isOne = choice.isOneDeployment && deployment !== null;
  const shown = isOne
    ? asked.data.alerts.filter((alert) => alert.deployment === deployment)
    : asked.data.alerts;
  const sections = alertSections(shown);
  const glance = firstGlance(sections);
  return (
    <div
      className={`flex flex-col gap-3 ${asked.problem === null ? '' : 'stale'}`}
      data-testid="alerts-page"
    >
      <h1 className="sr-only">Alerts</h1>
      <WindowProblems
        problems={
          asked.problem === null ? [] : [{ question: 'newer alerts', problem: asked.problem }]
        }
      />
      <section className="panel px-4 py-3" aria-label="At a glance" data-testid="alerts-glance">
        <p className="text-lead leading-snug">
          {glance.severity !== null && (
            <span className="mr-1.5">
              <SeverityMark severity={glance.severity} hasWord={false} />
            </span>
          )}
          <strong>{glance.head}.</strong> {glance.sentence}
          {glance.hidden > 0 && (
            <span className="text-muted">
              {' '}
              {glance.hidden} {glance.hidden === 1 ? 'consequence is' : 'consequences are'} folded
              under what explains {glance.hidden === 1 ? 'it' : 'them'}.
            </span>
          )}
          {glance.root === null && rules !== undefined && (
            <span className="text-muted"> {watchText(rules, deployments?.length ?? 0)}.</span>
          )}
        </p>
        <p className="mt-1 flex flex-wrap items-center gap-x-3 text-small text-muted">
          <LastLook unixMs={asked.data.evaluatedUnixMs} />
          {glance.root !== null && rules !== undefined && (
            <span>{watchText(rules, deployments?.length ?? 0)}</span>
          )}
          <Link className="text-accent underline" href={hrefOf('/rules')} prefetch={false}>
            rules
          </Link>
          <Link className="text-accent underline" href={hrefOf('/incidents')} prefetch={false}>
            incidents
          </Link>
        </p>
      </section>
      <div className="flex flex-wrap items-center gap-3">
        <div className="segments" role="tablist" aria-label="Alerts">
          {ALERT_TABS.map((tab) => (
            <button
              key={tab}
              type="button"
              role="tab"
              className="control aria-selected:border-accent aria-selected:bg-raised"
              aria-selected={choice.tab === tab}
              onClick={() => update({ alerts: { ...choice, tab } })}
            >
              {TAB_NAMES[tab]}
            </button>
          ))}
        </div>
        {(choice.tab === 'active' || choice.tab === 'history') && deployment !== null && (
          <fieldset className="segments" aria-label="Deployments">
            <button
              type="button"
              className="control"
              aria-pressed={!choice.isOneDeployment}
              onClick={() => update({ alerts: { ...choice, isOneDeployment: false } }, 'replace')}
            >
              All deployments
            </button>
            <button
              type="button"
              className="control max-w-48"
              aria-pressed={choice.isOneDeployment}
              onClick={() => update({ alerts: { ...choice, isOneDeployment: true } }, 'replace')}
            >
              <span className="truncate">{deployment} only</span>
            </button>
          </fieldset>
        )}
      </div>
      {choice.tab === 'active' && <ActiveTab sections={sections} rules={rules} />}
      {choice.tab === 'history' && <HistoryTab alerts={asked.data.alerts} />}
      {choice.tab === 'silences' && <SilencesTab alerts={asked.data.alerts} />}
      {choice.tab === 'deliveries' && <DeliveriesTab />}
    </div>
  );
}

function LastLook({ unixMs }: { readonly unixMs: number | null }) {
  const now = useNow(1_000);
  if (unixMs === null) {
    return <span className="text-warning">Nothing was evaluated yet.</span>;
  }
  const isLate = now - unixMs > LATE_MS;
  return (
    <span
      className={isLate ? 'text-warning' : ''}
      title={instantText(unixMs).utc}
      data-testid="last-look"
    >
      {isLate && <RefreshCwIcon size={12} className="mr-1 inline" aria-hidden />}
      Last look {ageText(now - unixMs)} ago{isLate && ': the collector does not evaluate rules'}
    </span>
  );
}
