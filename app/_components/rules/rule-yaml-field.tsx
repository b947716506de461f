'use client';

import { useId, useRef } from 'react';
import type { YamlProblem } from '#lib/view/rule-yaml.ts';

/** The rule as text with line numbers; a problem leads to its line. */
export function RuleYamlField({
  text,
  problems,
  onChange,
}: {
  readonly text: string;
  readonly problems: readonly YamlProblem[];
  readonly onChange: (text: string) => void;
}) {
  const id = useId();
  const box = useRef<HTMLTextAreaElement>(null);
  const lines = text.split('\n');
  const numbers = Array.from(lines, (_, at) => at + 1);
  const wrong = new Set(problems.map(({ line }) => line));
  const goTo = (line: number) => {
    const before = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    box.current?.focus();
    box.current?.setSelectionRange(before, before + (lines[line - 1]?.length ?? 0));
  };
  return (
    <div>
      <div className="flex rounded-box border border-line bg-background font-mono text-small leading-5">
        <ol
          aria-hidden="true"
          className="shrink-0 py-1.5 pr-1 pl-2 text-right text-muted select-none"
        >
          {numbers.map((number) => (
            <li key={number} className={wrong.has(number) ? 'font-semibold text-critical' : ''}>
              {number}
            </li>
          ))}
        </ol>
        <textarea
          ref={box}
          aria-label="The rule as YAML"
          aria-invalid={problems.length > 0}
          aria-describedby={`${id}-problems`}
          data-testid="rule-yaml"
          className="min-w-0 flex-1 resize-none overflow-x-auto bg-transparent px-2 py-1.5 whitespace-pre"
          rows={Math.max(8, lines.length)}
          spellCheck={false}
          wrap="off"
          value={text}
          onChange={({ target }) => onChange(target.value)}
        />
      </div>
      <ul id={`${id}-problems`} aria-live="polite" className="mt-1 text-small">
        {problems.map(({ line, key, message }) => (
          <li key={`${line} ${key} ${message}`} className="text-critical">
            {line !== null && (
              <button type="button" className="underline" onClick={() => goTo(line)}>
                line {line}
              </button>
            )}{' '}
            {key !== '' && <code>{key}</code>} {message}
          </li>
        ))}
      </ul>
    </div>
  );
}
