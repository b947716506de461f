'use client';

import { useState } from 'react';

/** A time as the API reads it: it counts when the field is left, or at Enter. */
export function TimeField({
  label,
  value,
  isWrong,
  onValue,
}: {
  readonly label: string;
  readonly value: string | null;
  readonly isWrong: boolean;
  readonly onValue: (value: string | null) => void;
}) {
  const [typed, setTyped] = useState<string | null>(null);
  const commit = (): void => {
    if (typed === null) return;
    setTyped(null);
    const text = typed.trim();
    if (text !== (value ?? '')) onValue(text === '' ? null : text);
  };
  return (
    <input
      type="text"
      className="control w-44 justify-start font-normal max-xl:w-38 aria-invalid:border-critical"
      aria-label={label}
      aria-invalid={isWrong}
      placeholder="default"
      title="Unix nanoseconds, RFC 3339 (2026-11-23T14:00:00Z), or relative to now (-5m, now)"
      value={typed ?? value ?? ''}
      onChange={({ target }) => setTyped(target.value)}
      onBlur={commit}
      onKeyDown={({ key }) => {
        if (key === 'Enter') commit();
        if (key === 'Escape') setTyped(null);
      }}
    />
  );
}
