'use client';

import { type ReactNode, useState } from 'react';
import { ALERT_METRIC_NAMES, ALERT_METRICS } from '#lib/api/alert-metrics.ts';
import { COMPARISONS, SEVERITIES } from '#lib/api/alert-rules.ts';
import { isMetricName, METRIC_NAMES, metricAbout } from '#lib/view/alert-words.ts';
import {
  problemAt,
  problemsBeside,
  type RuleDraft,
  type RulePath,
  type RuleProblem,
  textAt,
  typedNumber,
  valueAt,
  withValue,
} from '#lib/view/rule-draft.ts';
import { FIELD, FormField } from '../form-field.tsx';

/** What has a field of its own: problems elsewhere are listed below. */
const FIELDS: readonly RulePath[] = [
  ['name'],
  ['metric'],
  ['where'],
  ['compare'],
  ['threshold'],
  ['recover'],
  ['baseline', 'over'],
  ['baseline', 'deviations'],
  ['baseline', 'at_least'],
  ['baseline', 'warm_up'],
  ['window'],
  ['aggregate'],
  ['for'],
  ['keep_firing_for'],
  ['of_windows', 'hits'],
  ['of_windows', 'of'],
  ['no_data'],
  ['severity'],
  ['annotations', 'summary'],
  ['annotations', 'description'],
  ['runbook'],
  ['explains'],
  ['reason'],
];

interface Form {
  readonly draft: RuleDraft;
  readonly problems: readonly RuleProblem[];
  readonly onChange: (draft: RuleDraft) => void;
}

/** The keys that most rules have; all others can be written as YAML. */
export function RuleForm({
  draft,
  problems,
  names,
  onChange,
}: Form & { readonly names: readonly string[] }) {
  const form: Form = { draft, problems, onChange };
  const beside = problemsBeside(problems, FIELDS);
  return (
    <div className="flex flex-col gap-3">
      <Group>
        <Text form={form} path={['name']} label="Name" />
        <Choice form={form} path={['severity']} label="Severity" options={SEVERITIES} />
      </Group>
      <Metric form={form} />
      <Where form={form} />
      <Group>
        <Choice form={form} path={['compare']} label="Fires where it is" options={COMPARISONS} />
        <NumberField
          form={form}
          path={['threshold']}
          label="Threshold"
          hint="In the figure’s base unit: 0.25 is 25 %, 0.05 is 50 ms. Empty: the baseline alone decides."
        />
        <NumberField
          form={form}
          path={['recover']}
          label="Until back at"
          hint="It ends only once the value is back on the healthy side of this. Empty: the threshold."
        />
      </Group>
      <Baseline form={form} />
      <Group>
        <Text
          form={form}
          path={['window']}
          label="Window"
          hint="Samples of so long are put together, before comparing"
          fallback="30s"
        />
        <Choice
          form={form}
          path={['aggregate']}
          label="By their"
          options={['mean', 'max', 'min', 'last']}
        />
        <Text
          form={form}
          path={['for']}
          label="For"
          hint="True for so long without a break before it fires"
          fallback="0s"
        />
        <Text
          form={form}
          path={['keep_firing_for']}
          label="Keeps firing for"
          hint="Fires on for so long after it was true last"
          fallback="0s"
        />
      </Group>
      <Group>
        <NumberField
          form={form}
          path={['of_windows', 'hits']}
          label="Or true in"
          hint="In place of For: true in so many of the last so many windows"
        />
        <NumberField form={form} path={['of_windows', 'of']} label="of windows" />
        <Choice
          form={form}
          path={['no_data']}
          label="Without data"
          options={['keep', 'resolve', 'alert']}
        />
        <Choice
          form={form}
          path={['record']}
          label="Keeps an incident"
          options={['by severity', 'yes', 'no']}
          read={(value) => (value === true ? 'yes' : value === false ? 'no' : 'by severity')}
          write={(text) => (text === 'yes' ? true : text === 'no' ? false : undefined)}
        />
      </Group>
      <Text
        form={form}
        path={['annotations', 'summary']}
        label="Summary"
        hint="What the message says. May hold {{ value }}, {{ threshold }}, {{ labels.worker }}."
      />
      <Text form={form} path={['annotations', 'description']} label="Description" />
      <Group>
        <Text form={form} path={['runbook']} label="Runbook" hint="A link, or a few words" />
        <Explains form={form} names={names} />
      </Group>
      <Text
        form={form}
        path={['reason']}
        label="Reason"
        hint="Why it exists and why its threshold is what it is: for whoever reads it at night"
        isLong
      />
      {beside.length > 0 && (
        <ul role="alert" className="text-small text-critical">
          {beside.map(({ path, message }) => (
            <li key={`${path.join('.')} ${message}`}>
              {path.length > 0 && <code>{path.join('.')}</code>} {message}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Group({ children }: { readonly children: ReactNode }) {
  return <div className="grid auto-cols-fr grid-flow-col gap-3">{children}</div>;
}

function Text({
  form: { draft, problems, onChange },
  path,
  label,
  hint,
  fallback,
  isLong = false,
}: {
  readonly form: Form;
  readonly path: RulePath;
  readonly label: string;
  readonly hint?: string;
  /** What an empty field means. */
  readonly fallback?: string;
  readonly isLong?: boolean;
}) {
  const value = textAt(draft, path);
  const change = (text: string) =>
    onChange(withValue(draft, path, text === '' && path[0] !== 'name' ? undefined : text));
  return (
    <FormField
      label={label}
      {...(hint === undefined ? {} : { hint })}
      error={problemAt(problems, path)}
    >
      {(ids) =>
        isLong ? (
          <textarea
            {...ids}
            className={`${FIELD} h-16! resize-y p-1.5 whitespace-pre-wrap`}
            value={value}
            onChange={({ target }) => change(target.value)}
          />
        ) : (
          <input
            {...ids}
            type="text"
            className={FIELD}
            placeholder={fallback}
            value={value}
            onChange={({ target }) => change(target.value)}
          />
        )
      }
    </FormField>
  );
}

function NumberField({
  form: { draft, problems, onChange },
  path,
  label,
  hint,
}: {
  readonly form: Form;
  readonly path: RulePath;
  readonly label: string;
  readonly hint?: string;
}) {
  // "0.50" on the way to "0.505" must not become "0.5".
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <FormField
      label={label}
      {...(hint === undefined ? {} : { hint })}
      error={problemAt(problems, path)}
    >
      {(ids) => (
        <input
          {...ids}
          type="text"
          inputMode="decimal"
          className={FIELD}
          value={typed ?? textAt(draft, path)}
          onChange={({ target }) => {
            setTyped(target.value);
            onChange(withValue(draft, path, typedNumber(target.value)));
          }}
          onBlur={() => setTyped(null)}
        />
      )}
    </FormField>
  );
}

function Choice({
  form: { draft, problems, onChange },
  path,
  label,
  options,
  read = (value) => (value === undefined ? '' : String(value)),
  write = (text) => text,
}: {
  readonly form: Form;
  readonly path: RulePath;
  readonly label: string;
  /** The first is what a rule without the key means, but for severity and comparison. */
  readonly options: readonly string[];
  readonly read?: (value: unknown) => string;
  readonly write?: (text: string) => unknown;
}) {
  const value = read(valueAt(draft, path)) || standardOf(path, options);
  return (
    <FormField label={label} error={problemAt(problems, path)}>
      {(ids) => (
        <select
          {...ids}
          className={FIELD}
          value={value}
          onChange={({ target }) => onChange(withValue(draft, path, write(target.value)))}
        >
          {options.map((option) => (
            <option key={option} value={option}>
              {option}
            </option>
          ))}
          {!options.includes(value) && <option value={value}>{value}</option>}
        </select>
      )}
    </FormField>
  );
}

function standardOf(path: RulePath, options: readonly string[]): string {
  return path[0] === 'severity' ? 'warning' : (options[0] ?? '');
}

function Metric({ form: { draft, problems, onChange } }: { readonly form: Form }) {
  const metric = textAt(draft, ['metric']);
  const isOwn = !isMetricName(metric);
  return (
    <div className="flex flex-col gap-1">
      <div className={`grid gap-3 ${isOwn ? 'grid-cols-2' : ''}`}>
        <FormField label="Figure" error={isOwn ? null : problemAt(problems, ['metric'])}>
          {(ids) => (
            <select
              {...ids}
              className={FIELD}
              value={isOwn ? '' : metric}
              onChange={({ target }) =>
                onChange(withValue(draft, ['metric'], target.value || 'report:'))
              }
            >
              {ALERT_METRIC_NAMES.map((name) => (
                <option key={name} value={name}>
                  {METRIC_NAMES[name]} · {name}
                </option>
              ))}
              <option value="">another figure of the report …</option>
            </select>
          )}
        </FormField>
        {isOwn && (
          <FormField
            label="Path in the report"
            hint="Such as report:balance.taNs or report:layers.ffnNs.p99"
            error={problemAt(problems, ['metric'])}
          >
            {(ids) => (
              <input
                {...ids}
                type="text"
                className={FIELD}
                placeholder="report:balance.taNs"
                value={metric}
                onChange={({ target }) => onChange(withValue(draft, ['metric'], target.value))}
              />
            )}
          </FormField>
        )}
      </div>
      <p className="text-small text-muted">
        {metricAbout(metric)}
        {isMetricName(metric) && ` In ${UNIT_WORDS[ALERT_METRICS[metric].unit]}.`}
      </p>
    </div>
  );
}

const UNIT_WORDS = {
  ratio: 'parts of 1',
  seconds: 'seconds',
  count: 'numbers',
  score: 'robust standard deviations',
  flag: '0 or 1',
  'per-second': 'units a second',
} as const;

/** Which series: a field for each label that tells them apart. */
function Where({ form: { draft, problems, onChange } }: { readonly form: Form }) {
  const metric = textAt(draft, ['metric']);
  const labels = isMetricName(metric)
    ? ALERT_METRICS[metric].labels
    : (['group', 'worker', 'stage', 'layer'] as const);
  return (
    <Group>
      {(['deployment', ...labels] as const).map((label) => (
        <FormField
          key={label}
          label={`Only ${label}`}
          hint={
            label === 'layer'
              ? 'Such as 7, 3-60 or 3-5,9. Empty: all.'
              : 'May hold *. Empty: all, each on its own.'
          }
          error={problemAt(problems, ['where', label])}
        >
          {(ids) => (
            <input
              {...ids}
              type="text"
              className={FIELD}
              placeholder="all"
              value={textAt(draft, ['where', label])}
              onChange={({ target }) =>
                onChange(withValue(draft, ['where', label], target.value || undefined))
              }
            />
          )}
        </FormField>
      ))}
    </Group>
  );
}

function Baseline({ form }: { readonly form: Form }) {
  const { draft, onChange } = form;
  const isOn = valueAt(draft, ['baseline']) !== undefined;
  return (
    <fieldset>
      <label className="flex items-center gap-1.5 text-small">
        <input
          type="checkbox"
          checked={isOn}
          onChange={({ target }) =>
            onChange(
              withValue(
                draft,
                ['baseline'],
                target.checked ? { over: '1h', deviations: 5 } : undefined,
              ),
            )
          }
        />
        <span
          className="defined"
          title="Compares with the series’ own recent past: so many robust standard deviations (1.4826 · MAD) from its median"
        >
          Compared with its own past
        </span>
      </label>
      {isOn && (
        <div className="mt-1.5">
          <Group>
            <Text form={form} path={['baseline', 'over']} label="Over the last" />
            <NumberField form={form} path={['baseline', 'deviations']} label="Deviations" />
            <NumberField
              form={form}
              path={['baseline', 'at_least']}
              label="And at least"
              hint="So far from the median in the figure’s base unit"
            />
            <Text
              form={form}
              path={['baseline', 'warm_up']}
              label="Not before"
              hint="So much of the past must be known"
              fallback="10m"
            />
          </Group>
        </div>
      )}
    </fieldset>
  );
}

function Explains({
  form: { draft, problems, onChange },
  names,
}: {
  readonly form: Form;
  readonly names: readonly string[];
}) {
  const value = valueAt(draft, ['explains']);
  const text = Array.isArray(value) ? value.join(', ') : '';
  const unknown = Array.isArray(value)
    ? value.filter((name) => !names.includes(String(name)) && String(name) !== '')
    : [];
  return (
    <FormField
      label="Explains"
      hint="While it fires, alerts of these rules in the same deployment are its consequences: nobody is told of them"
      error={
        problemAt(problems, ['explains']) ??
        (unknown.length > 0 ? `there is no rule ${unknown.join(', ')} yet` : null)
      }
    >
      {(ids) => (
        <input
          {...ids}
          type="text"
          className={FIELD}
          placeholder="names of rules, with commas between them"
          defaultValue={text}
          onChange={({ target }) => {
            const list = target.value
              .split(',')
              .map((name) => name.trim())
              .filter((name) => name !== '');
            onChange(withValue(draft, ['explains'], list.length === 0 ? undefined : list));
          }}
        />
      )}
    </FormField>
  );
}
