'use client';

/** Parts of the rule form that are more than one field. */
import { ALERT_METRIC_NAMES, ALERT_METRICS } from '#lib/api/alert-metrics.ts';
import { isMetricName, METRIC_NAMES, metricAbout } from '#lib/view/alert-words.ts';
import { problemAt, textAt, valueAt, withValue } from '#lib/view/rule-draft.ts';
import { FIELD, FormField } from '../form-field.tsx';
import { type Form, Group, NumberField, Text } from './rule-fields.tsx';

/** The figure that is watched: one with a name, or a path into the report. */
export function Metric({ form: { draft, problems, onChange } }: { readonly form: Form }) {
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
export function Where({ form: { draft, problems, onChange } }: { readonly form: Form }) {
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

/** The comparison with the series' own past, off or on. */
export function Baseline({ form }: { readonly form: Form }) {
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

/** Names of rules whose alerts are consequences of this one's. */
export function Explains({
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
