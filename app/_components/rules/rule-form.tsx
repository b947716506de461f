'use client';

import { COMPARISONS, SEVERITIES } from '#lib/api/alert-rules.ts';
import { problemsBeside, type RulePath } from '#lib/view/rule-draft.ts';
import { Choice, type Form, Group, NumberField, Text } from './rule-fields.tsx';
import { Baseline, Explains, Metric, Where } from './rule-parts.tsx';

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
