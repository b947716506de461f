'use client';

import { InfoIcon } from 'lucide-react';
import { Banner } from '../banner.tsx';
import type { TimelineInfo } from './timeline-store.ts';

/** What the picture lacks, above it; the picture stays. */
export function TimelineNotice({
  info,
  notice,
}: {
  readonly info: TimelineInfo;
  /** Why the view is not where it was asked for. */
  readonly notice: string | null;
}) {
  const { problem, notes } = info;
  return (
    <div aria-live="polite" data-testid="timeline-notice">
      {notice !== null && (
        <Banner severity="warning" word="Not kept">
          {notice}
        </Banner>
      )}
      {problem !== null && (
        <Banner severity="warning" word={problem.title}>
          {problem.detail} What is drawn is what came before; it is asked for again.
        </Banner>
      )}
      {notes.length > 0 && (
        <p
          className="flex items-center gap-1.5 truncate border-b border-line px-2 py-0.5 text-tiny text-muted"
          title={notes.join('\n')}
        >
          <InfoIcon size={12} className="shrink-0" aria-hidden />
          <span className="truncate">{notes.join(' ')}</span>
        </p>
      )}
    </div>
  );
}
