'use client';

import { type ReactNode, useId } from 'react';

/** A field with its name above and, where something is wrong, why below it. */
export function FormField({
  label,
  hint,
  error,
  className = '',
  children,
}: {
  readonly label: string;
  /** For the hover. */
  readonly hint?: string;
  readonly error?: string | null | undefined;
  readonly className?: string;
  /** Gets the id for the control, and that of its message. */
  readonly children: (ids: {
    readonly id: string;
    readonly 'aria-describedby': string | undefined;
    readonly 'aria-invalid': boolean;
  }) => ReactNode;
}) {
  const id = useId();
  const isWrong = error !== null && error !== undefined;
  return (
    <div className={`flex min-w-0 flex-col gap-1 ${className}`}>
      <label htmlFor={id} className="text-small text-muted" title={hint}>
        {hint === undefined ? label : <span className="defined">{label}</span>}
      </label>
      {children({
        id,
        'aria-describedby': isWrong ? `${id}-error` : undefined,
        'aria-invalid': isWrong,
      })}
      {isWrong && (
        <p id={`${id}-error`} role="alert" className="text-small text-critical">
          {error}
        </p>
      )}
    </div>
  );
}

/** Looks of a text field. */
export const FIELD = 'control w-full justify-start aria-invalid:border-critical';
