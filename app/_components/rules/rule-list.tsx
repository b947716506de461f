'use client';

import { useMutation } from '@tanstack/react-query';
import { putRule } from '#lib/api/alert-client.ts';
import type { ListedRule } from '#lib/api/alert-rules.ts';
import { conditionText, SOURCE_WORDS } from '#lib/view/rule-words.ts';
import { SeverityMark } from '../alerts/severity-mark.tsx';
import { useAlertsChanged } from '../alerts/use-alerts.ts';
import { problemOf } from '../dashboard.tsx';

/** Every rule: what it watches, where it comes from, what of it fires. */
export function RuleList({
  rules,
  chosen,
  onChoose,
}: {
  readonly rules: readonly ListedRule[];
  readonly chosen: string | null;
  readonly onChoose: (name: string) => void;
}) {
  if (rules.length === 0) {
    return (
      <section className="panel p-4" data-testid="no-rules">
        <h2 className="font-semibold">No rule</h2>
        <p className="mt-1 text-muted">
          Nothing is watched. Make a rule here, or name a file of rules as alerts.rules in the
          configuration.
        </p>
      </section>
    );
  }
  return (
    <section className="panel min-w-0" aria-label="Rules">
      <ul data-testid="rules">
        {rules.map((listed) => (
          <Row
            key={listed.rule.name}
            listed={listed}
            isChosen={listed.rule.name === chosen}
            onChoose={onChoose}
          />
        ))}
      </ul>
    </section>
  );
}

function Row({
  listed,
  isChosen,
  onChoose,
}: {
  readonly listed: ListedRule;
  readonly isChosen: boolean;
  readonly onChoose: (name: string) => void;
}) {
  const { rule, source, overrides, firing, pending, error, changedUnixMs } = listed;
  const changed = useAlertsChanged();
  const turn = useMutation({
    mutationFn: () => putRule({ ...rule, enabled: !rule.enabled }, { basedOn: changedUnixMs }),
    onSuccess: changed,
  });
  const problem = problemOf(turn.error);
  return (
    <li
      className={`border-t border-line px-3 py-1.5 first:border-t-0 ${isChosen ? 'bg-raised' : ''}`}
      data-testid="rule"
      data-rule={rule.name}
    >
      <div className="flex items-center gap-2">
        <button
          type="button"
          className={`min-w-0 flex-1 text-left ${rule.enabled ? '' : 'text-muted'}`}
          aria-current={isChosen ? 'true' : undefined}
          onClick={() => onChoose(rule.name)}
        >
          <span className="flex flex-wrap items-baseline gap-x-2">
            <span className="font-semibold break-all">{rule.name}</span>
            <span className="text-small">
              <SeverityMark severity={rule.severity} isMuted={!rule.enabled} />
            </span>
            {firing > 0 && (
              <span className="text-small text-critical" data-testid="rule-firing">
                {firing} firing
              </span>
            )}
            {pending > 0 && <span className="text-small text-warning">{pending} pending</span>}
            <span className="text-small text-muted">
              {SOURCE_WORDS[source]}
              {overrides && ', changed'}
            </span>
          </span>
          <span className="block text-small break-words text-muted">{conditionText(rule)}</span>
        </button>
        <button
          type="button"
          role="switch"
          className="control w-14"
          aria-checked={rule.enabled}
          aria-label={`${rule.name} is watched`}
          title={rule.enabled ? 'Stop watching' : 'Watch again'}
          disabled={turn.isPending}
          onClick={() => turn.mutate()}
        >
          {rule.enabled ? 'on' : 'off'}
        </button>
      </div>
      {error !== null && <p className="text-small break-words text-critical">{error}</p>}
      {problem !== null && (
        <p role="alert" className="text-small text-critical">
          {problem.title}: {problem.detail}
        </p>
      )}
    </li>
  );
}
