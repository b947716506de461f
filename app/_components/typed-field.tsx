'use client';

import { type KeyboardEventHandler, useState } from 'react';

/**
 * A field for a number. What is typed stays as it is until the field is left, so that `0.5` and `16`
 * can be written although `0` and an empty field are no values; it counts as soon as it is one.
 */
export function TypedField({
  label,
  title,
  text,
  parse,
  onValue,
  onStep,
  className,
}: {
  readonly label: string;
  readonly title: string;
  /** The value as the field shows it. */
  readonly text: string;
  /** null: not a value. */
  readonly parse: (typed: string) => number | null;
  readonly onValue: (value: number) => void;
  /** An arrow key: up is 1, down is -1. */
  readonly onStep: (direction: 1 | -1) => void;
  readonly className: string;
}) {
  const [typed, setTyped] = useState<string | null>(null);
  const onKeyDown: KeyboardEventHandler = (event) => {
    if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return;
    event.preventDefault();
    setTyped(null);
    onStep(event.key === 'ArrowUp' ? 1 : -1);
  };
  return (
    <input
      type="text"
      inputMode="decimal"
      className={`control ${className} aria-invalid:border-critical`}
      aria-label={label}
      aria-invalid={typed !== null && parse(typed) === null}
      title={title}
      value={typed ?? text}
      onChange={({ target }) => {
        setTyped(target.value);
        const value = parse(target.value.trim());
        if (value !== null) onValue(value);
      }}
      onBlur={() => setTyped(null)}
      onKeyDown={onKeyDown}
    />
  );
}
