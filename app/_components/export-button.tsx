'use client';

/** The page's window as a file of any format. */
import { ShareIcon } from 'lucide-react';
import { useState } from 'react';
import { exportUrl } from '#lib/api/client.ts';
import { EXPORT_CHOICES } from '#lib/view/export-choices.ts';
import { durationFigure, figureText, instantText } from '#lib/view/format.ts';
import { trendWindow } from '#lib/view/time-range.ts';
import { instantNs } from '#lib/view/timeline-instant.ts';
import type { TimelineExtent } from '#lib/view/timeline-viewport.ts';
import { timelineWindow } from '#lib/view/timeline-window.ts';
import { useDashboard } from './dashboard.tsx';
import { ToolbarPopover } from './toolbar-popover.tsx';

export function ExportButton() {
  const { deployment, state } = useDashboard();
  // What is exported stays what it was when the list was opened, however long it is looked at.
  const [openedMs, setOpened] = useState<number | null>(null);
  const page = trendWindow(state.range, openedMs ?? 0);
  // A timeline that stands still is exported as it is seen.
  const viewed =
    openedMs === null ? null : timelineWindow(window.location.pathname, window.location.search);
  const range =
    viewed === null
      ? { from: new Date(page.fromMs).toISOString(), to: new Date(page.toMs).toISOString() }
      : { from: String(viewed.fromUnixNs), to: String(viewed.toUnixNs) };
  return (
    <ToolbarPopover
      name="Export this window"
      label="Export"
      title="Export this window as a file"
      icon={<ShareIcon size={15} aria-hidden />}
      heading="Export this window"
      about={
        <>
          {deployment},{' '}
          {viewed === null
            ? `${instantText(page.fromMs).local} – ${instantText(page.toMs).local.slice(11)}`
            : `${instantNs(viewed.fromUnixNs).local} + ${viewedText(viewed)}`}
        </>
      }
      width="w-96"
      disabled={deployment === null}
      isOpen={openedMs !== null}
      onOpen={(open) => setOpened(open ? Date.now() : null)}
    >
      <ul data-testid="export-formats">
        {EXPORT_CHOICES.map(({ format, name, use }) => (
          <li key={format} className="border-t border-line first:border-t-0">
            <a
              className="grid grid-cols-[8rem_1fr] gap-2 rounded-box px-1 py-1.5 hover:bg-raised"
              href={exportUrl(deployment ?? '', format, range)}
              target="_blank"
              rel="noopener"
            >
              <span className="text-accent underline">{name}</span>
              <span className="text-small text-muted">{use}</span>
            </a>
          </li>
        ))}
      </ul>
      <p className="mt-2 text-small text-muted">
        Some workers or stages only: add <code>&amp;workers=attention/0</code> or{' '}
        <code>&amp;stages=expert</code> to the address, or use <code>afdscope export</code>.
      </p>
    </ToolbarPopover>
  );
}

function viewedText({ fromUnixNs, toUnixNs }: TimelineExtent): string {
  return figureText(durationFigure(Number(toUnixNs - fromUnixNs)));
}
