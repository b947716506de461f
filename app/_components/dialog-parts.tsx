'use client';

/** What dialogs that send something share: fields of one line, what went wrong, the buttons. */
import { problemOf } from './dashboard.tsx';
import { FIELD, FormField } from './form-field.tsx';

export function TextField({
  label,
  error,
  placeholder,
  maxLength,
  value,
  onChange,
}: {
  readonly label: string;
  readonly error?: string | undefined;
  readonly placeholder?: string;
  readonly maxLength: number;
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  return (
    <FormField label={label} error={error}>
      {(ids) => (
        <input
          {...ids}
          type="text"
          className={FIELD}
          placeholder={placeholder}
          maxLength={maxLength}
          value={value}
          onChange={({ target }) => onChange(target.value)}
        />
      )}
    </FormField>
  );
}

/** `author` of what is sent; browsers keep it (author.ts). */
export function AuthorField({
  error,
  value,
  onChange,
}: {
  readonly error?: string | undefined;
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  return (
    <TextField
      label="Your name (remembered)"
      error={error}
      maxLength={128}
      value={value}
      onChange={onChange}
    />
  );
}

/** Why it was not taken, if it was not; the button that sends the form, and the one that closes it. */
export function DialogEnd({
  error,
  isDisabled,
  label,
  className = 'control',
  onClose,
}: {
  readonly error: Error | null;
  readonly isDisabled: boolean;
  readonly label: string;
  readonly className?: string;
  readonly onClose: () => void;
}) {
  const problem = problemOf(error);
  return (
    <>
      {problem !== null && (
        <p role="alert" className="text-critical">
          {problem.title}: {problem.detail}
        </p>
      )}
      <span className="flex gap-1">
        <button type="submit" className={className} disabled={isDisabled}>
          {label}
        </button>
        <button type="button" className="control" onClick={onClose}>
          Cancel
        </button>
      </span>
    </>
  );
}
