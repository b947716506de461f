'use client';

/** Fields of the rule form, each for one key of the rule. */
import { type ReactNode, useState } from 'react';
import {
  problemAt,
  type RuleDraft,
  type RulePath,
  type RuleProblem,
  textAt,
  typedNumber,
  valueAt,
  withValue,
} from '#lib/view/rule-draft.ts';
import { FIELD, FormField } from '../form-field.tsx';

/** The rule as it is being written, and who takes the next state of it. */
export interface Form {
  readonly draft: RuleDraft;
  readonly problems: readonly RuleProblem[];
  readonly onChange: (draft: RuleDraft) => void;
}

/** Fields beside each other. */
export function Group({ children }: { readonly children: ReactNode }) {
  return <div className="grid auto-cols-fr grid-flow-col gap-3">{children}</div>;
}

export function Text({
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

export function NumberField({
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

export function Choice({
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
