'use client';

import { useMutation } from '@tanstack/react-query';
import { CopyIcon, DownloadIcon, Trash2Icon, Undo2Icon } from 'lucide-react';
import { useState } from 'react';
import { deleteRule, putRule } from '#lib/api/alert-client.ts';
import type { AlertRule, ListedRule } from '#lib/api/alert-rules.ts';
import { checkRule, isSameRule, type RuleDraft } from '#lib/view/rule-draft.ts';
import { parseRuleYaml, ruleFileYaml, ruleYaml } from '#lib/view/rule-yaml.ts';
import { useAlertsChanged } from '../alerts/use-alerts.ts';
import { problemOf, useDashboard } from '../dashboard.tsx';
import { saveFile } from '../save-file.ts';
import { RuleForm } from './rule-form.tsx';
import { RulePreviewPanel } from './rule-preview-panel.tsx';
import { RuleYamlField } from './rule-yaml-field.tsx';

/** One rule as fields or as YAML, checked while it is written, with the preview above. */
export function RuleEditor({
  start,
  known,
  rules,
  onSaved,
  onClose,
  onDuplicate,
}: {
  readonly start: RuleDraft;
  /** The rule of the list; undefined: a new one. */
  readonly known: ListedRule | undefined;
  readonly rules: readonly ListedRule[];
  readonly onSaved: (name: string | null) => void;
  readonly onClose: () => void;
  readonly onDuplicate: (listed: ListedRule) => void;
}) {
  const { state, update } = useDashboard();
  const { alerts: choice } = state;
  const [draft, setDraft] = useState<RuleDraft>(start);
  // The text as it was written, comments and all; null: that of the draft.
  const [written, setWritten] = useState<string | null>(null);
  const [version, setVersion] = useState(known?.changedUnixMs ?? null);
  const changed = useAlertsChanged();
  const text = written ?? ruleYaml(draft);
  const parsed = choice.isYaml ? parseRuleYaml(text) : null;
  const { rule, problems } = checkRule(parsed?.draft ?? draft);
  const isReadable = parsed === null || parsed.draft !== null;
  const isNew = known === undefined;
  const taken =
    rule === null || rule.name === known?.rule.name
      ? undefined
      : rules.find((one) => one.rule.name === rule.name);
  const names = rules.map((one) => one.rule.name);
  const isChanged = isNew || !isSameRule(draft, known.rule);
  const save = useMutation({
    mutationFn: (body: AlertRule) =>
      // Where the rule was changed by somebody else since it was opened, that is said.
      putRule(body, {
        basedOn: body.name === known?.rule.name ? version : (taken?.changedUnixMs ?? null),
      }),
    onSuccess: (listed) => {
      changed();
      setWritten(null);
      setDraft(listed.rule);
      setVersion(listed.changedUnixMs);
      onSaved(listed.rule.name);
    },
  });
  const remove = useMutation({
    mutationFn: (name: string) => deleteRule(name),
    onSuccess: () => {
      changed();
      onSaved(null);
    },
  });
  const write = (next: string) => {
    setWritten(next);
    const found = parseRuleYaml(next).draft;
    if (found !== null) setDraft(found);
  };
  const show = (isYaml: boolean) => {
    // The fields show the newest text that could be read; back in YAML it is written anew.
    if (!isYaml && isReadable) setWritten(null);
    update({ alerts: { ...choice, isYaml } }, 'replace');
  };
  const problem = problemOf(save.error ?? remove.error);
  return (
    <section className="panel min-w-0 p-3" aria-label="Rule" data-testid="rule-editor">
      <header className="mb-2 flex flex-wrap items-center gap-2">
        <h2 className="text-lead font-semibold break-all">{known?.rule.name ?? 'New rule'}</h2>
        <fieldset className="segments" aria-label="Written as">
          {[false, true].map((isYaml) => (
            <button
              key={String(isYaml)}
              type="button"
              className="control"
              aria-pressed={choice.isYaml === isYaml}
              onClick={() => show(isYaml)}
            >
              {isYaml ? 'YAML' : 'Fields'}
            </button>
          ))}
        </fieldset>
        <span className="ml-auto flex flex-wrap gap-1">
          <button
            type="button"
            className="control border-accent disabled:border-line disabled:text-muted"
            disabled={rule === null || !isReadable || !isChanged || save.isPending}
            onClick={() => rule !== null && save.mutate(rule)}
          >
            {save.isPending ? 'Saving…' : isChanged ? 'Save' : 'Saved'}
          </button>
          {known !== undefined && (
            <KnownActions
              known={known}
              isBusy={remove.isPending}
              onDuplicate={() => onDuplicate(known)}
              onDelete={() => remove.mutate(known.rule.name)}
            />
          )}
          <button type="button" className="control" onClick={onClose}>
            Close
          </button>
        </span>
      </header>
      {problem !== null && (
        <p role="alert" className="mb-2 break-words text-critical">
          {problem.title}: {problem.detail}
        </p>
      )}
      {taken !== undefined && (
        <p className="mb-2 text-warning">
          There is a rule “{taken.rule.name}”: saving replaces it. Another name keeps both.
        </p>
      )}
      <RulePreviewPanel rule={isReadable ? rule : null} />
      {choice.isYaml ? (
        <RuleYamlField text={text} problems={parsed?.problems ?? []} onChange={write} />
      ) : (
        <RuleForm
          draft={draft}
          problems={problems}
          names={names}
          onChange={(next) => {
            setWritten(null);
            setDraft(next);
          }}
        />
      )}
    </section>
  );
}

function KnownActions({
  known,
  isBusy,
  onDuplicate,
  onDelete,
}: {
  readonly known: ListedRule;
  readonly isBusy: boolean;
  readonly onDuplicate: () => void;
  readonly onDelete: () => void;
}) {
  const [isAsked, setAsked] = useState(false);
  const { rule, source, overrides } = known;
  return (
    <>
      <button type="button" className="control" onClick={onDuplicate}>
        <CopyIcon size={13} aria-hidden /> Duplicate
      </button>
      <button
        type="button"
        className="control"
        title="As a rule file"
        onClick={() =>
          saveFile(`${rule.name}.yaml`, ruleFileYaml([rule]), 'application/yaml;charset=utf-8')
        }
      >
        <DownloadIcon size={13} aria-hidden /> YAML
      </button>
      {source === 'page' && overrides && (
        <button
          type="button"
          className="control"
          disabled={isBusy}
          title="Takes back what was changed here"
          onClick={onDelete}
        >
          <Undo2Icon size={13} aria-hidden /> Restore
        </button>
      )}
      {source === 'page' && !overrides && !isAsked && (
        <button type="button" className="control" onClick={() => setAsked(true)}>
          <Trash2Icon size={13} aria-hidden /> Delete
        </button>
      )}
      {isAsked && (
        <>
          <button
            type="button"
            className="control border-critical"
            disabled={isBusy}
            onClick={onDelete}
          >
            Delete it
          </button>
          <button type="button" className="control" onClick={() => setAsked(false)}>
            Keep
          </button>
        </>
      )}
    </>
  );
}
