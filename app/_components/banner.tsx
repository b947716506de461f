'use client';

import { CircleAlertIcon, TriangleAlertIcon } from 'lucide-react';
import type { ReactNode } from 'react';

/** One line over the page, with a word that says how bad it is. */
export function Banner({
  severity,
  word,
  children,
}: {
  readonly severity: 'critical' | 'warning';
  readonly word: string;
  readonly children: ReactNode;
}) {
  const colour = severity === 'critical' ? 'text-critical' : 'text-warning';
  const Icon = severity === 'critical' ? CircleAlertIcon : TriangleAlertIcon;
  return (
    <div className="flex items-start gap-2 border-b border-line bg-raised px-3 py-1.5">
      <Icon size={15} className={`${colour} mt-0.5 shrink-0`} aria-hidden />
      <p>
        <strong className={colour}>{word}.</strong> {children}
      </p>
    </div>
  );
}
