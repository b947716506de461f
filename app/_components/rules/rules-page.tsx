'use client';

import { DownloadIcon, PlusIcon } from 'lucide-react';
import { useState } from 'react';
import { rulesExportUrl } from '#lib/api/alert-client.ts';
import type { ListedRule } from '#lib/api/alert-rules.ts';
import { copyName, NEW_RULE, type RuleDraft } from '#lib/view/rule-draft.ts';
import { useRules } from '../alerts/use-alerts.ts';
import { useDashboard } from '../dashboard.tsx';
import { PageSkeleton } from '../skeleton.tsx';
import { ErrorState } from '../states.tsx';
import { WindowProblems } from '../window-problems.tsx';
import { RuleEditor } from './rule-editor.tsx';
import { RuleList } from './rule-list.tsx';

/** What is edited that no rule of the list is: a new one, or a copy. */
interface Fresh {
  readonly draft: RuleDraft;
  /** Two new rules after each other are two editors. */
  readonly count: number;
}

/** What is watched, and how to change it. */
export function RulesPage() {
  const { state, update } = useDashboard();
  const { alerts: choice } = state;
  const asked = useRules();
  const [fresh, setFresh] = useState<Fresh | null>(null);
  if (asked.data === undefined) {
    return asked.problem === null ? (
      <PageSkeleton />
    ) : (
      <ErrorState problem={asked.problem} onRetry={asked.retry} />
    );
  }
  const { rules, problems } = asked.data;
  const begin = (draft: RuleDraft) => {
    setFresh({ draft, count: (fresh?.count ?? 0) + 1 });
    update({ alerts: { ...choice, rule: null } });
  };
  const choose = (name: string | null) => {
    setFresh(null);
    update({ alerts: { ...choice, rule: name } });
  };
  const isFresh = fresh !== null && choice.rule === null;
  const known = rules.find(({ rule }) => rule.name === choice.rule);
  const duplicate = ({ rule }: ListedRule) =>
    begin({
      ...rule,
      name: copyName(
        rule.name,
        rules.map((one) => one.rule.name),
      ),
    });
  return (
    <div className="flex flex-col gap-3">
      <WindowProblems
        problems={
          asked.problem === null ? [] : [{ question: 'newer rules', problem: asked.problem }]
        }
      />
      <header className="flex flex-wrap items-center gap-2">
        <h1 className="text-lead font-semibold">Rules</h1>
        <span className="text-muted">
          {rules.length} {rules.length === 1 ? 'rule' : 'rules'},{' '}
          {rules.filter(({ rule }) => rule.enabled).length} on
        </span>
        <span className="ml-auto flex gap-1">
          <button type="button" className="control" onClick={() => begin(NEW_RULE)}>
            <PlusIcon size={13} aria-hidden /> New rule
          </button>
          <a className="control" href={rulesExportUrl()} download="rules.yaml">
            <DownloadIcon size={13} aria-hidden /> All as YAML
          </a>
        </span>
      </header>
      {problems.length > 0 && (
        <ul role="alert" className="panel px-3 py-2 text-critical">
          {problems.map((text) => (
            <li key={text} className="break-words">
              {text}
            </li>
          ))}
        </ul>
      )}
      <div className="grid grid-cols-1 items-start gap-3 xl:grid-cols-[minmax(0,5fr)_minmax(0,6fr)]">
        {/* Where there is room for one of them, an open editor takes it. */}
        <div className={known !== undefined || isFresh ? 'max-xl:hidden' : ''}>
          <RuleList rules={rules} chosen={choice.rule} onChoose={choose} />
        </div>
        {isFresh ? (
          <RuleEditor
            key={`fresh ${fresh.count}`}
            start={fresh.draft}
            known={undefined}
            rules={rules}
            onSaved={choose}
            onClose={() => setFresh(null)}
            onDuplicate={duplicate}
          />
        ) : known !== undefined ? (
          <RuleEditor
            key={known.rule.name}
            start={known.rule}
            known={known}
            rules={rules}
            onSaved={choose}
            onClose={() => choose(null)}
            onDuplicate={duplicate}
          />
        ) : (
          <NoneChosen missing={choice.rule} />
        )}
      </div>
    </div>
  );
}

function NoneChosen({ missing }: { readonly missing: string | null }) {
  return (
    <section className="panel p-4 max-xl:hidden" data-testid="no-rule-chosen">
      <p className="text-muted">
        {missing === null
          ? 'Choose a rule to see when it would have fired, and to change it.'
          : `There is no rule "${missing}".`}
      </p>
    </section>
  );
}
