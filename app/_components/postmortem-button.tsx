'use client';

/** One click makes the post-mortem report of the page's window, opens it, and offers to keep it. */
import { FileTextIcon } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { fetchPostmortem, postmortemUrl } from '#lib/api/client.ts';
import { apiRange, LIVE_TREND_MS, rangeText, type TimeSelection } from '#lib/view/time-range.ts';
import { reportRange } from '#lib/view/timeline-window.ts';
import { problemOf, useDashboard } from './dashboard.tsx';
import { ToolbarPopover } from './toolbar-popover.tsx';
import { useNow } from './use-now.ts';

type Making =
  | { readonly state: 'idle' }
  | { readonly state: 'making'; readonly sinceMs: number }
  | { readonly state: 'ready'; readonly fileName: string; readonly url: string }
  | { readonly state: 'failed'; readonly detail: string };

export function PostmortemButton() {
  const { deployment, state } = useDashboard();
  const [isOpen, setOpen] = useState(false);
  const [making, setMaking] = useState<Making>({ state: 'idle' });
  const request = useRef<AbortController | null>(null);
  useEffect(() => () => request.current?.abort(), []);

  // What it is about stays what it was when it was asked for, however the page moves on.
  const [range, setRange] = useState<TimeSelection>(state.range);
  const addressOf = (format: 'html' | 'md', about = range): string =>
    postmortemUrl(deployment ?? '', {
      ...apiRange(about, LIVE_TREND_MS),
      format,
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      url: window.location.origin,
    });

  const make = async () => {
    request.current?.abort();
    const own = new AbortController();
    request.current = own;
    if (making.state === 'ready') URL.revokeObjectURL(making.url);
    setMaking({ state: 'making', sinceMs: Date.now() });
    const about = reportRange(window.location.pathname, window.location.search, state.range);
    setRange(about);
    try {
      const { fileName, blob } = await fetchPostmortem(addressOf('html', about), {
        signal: own.signal,
      });
      const url = URL.createObjectURL(blob);
      setMaking({ state: 'ready', fileName, url });
      // A browser that allows no new tab leaves the links.
      window.open(url, '_blank', 'noopener');
    } catch (error) {
      if (own.signal.aborted) return;
      const problem = problemOf(error instanceof Error ? error : new Error(String(error)));
      setMaking({ state: 'failed', detail: problem?.detail ?? 'The report could not be made.' });
    }
  };

  const change = (open: boolean) => {
    setOpen(open);
    if (open) void make();
    else if (making.state === 'making') request.current?.abort();
  };

  return (
    <ToolbarPopover
      name="Post-mortem report"
      label="Report"
      title="Post-mortem report of this window as one file"
      icon={<FileTextIcon size={15} aria-hidden />}
      heading="Post-mortem report"
      about={range.kind === 'live' ? 'the last 5 min' : rangeText(range)}
      width="w-72"
      disabled={deployment === null}
      isOpen={isOpen}
      onOpen={change}
    >
      <div aria-live="polite" data-testid="postmortem-state" data-state={making.state}>
        {making.state === 'making' && <Progress sinceMs={making.sinceMs} />}
        {making.state === 'failed' && (
          <>
            <p className="text-critical">{making.detail}</p>
            <button type="button" className="control mt-2" onClick={() => void make()}>
              Try again
            </button>
          </>
        )}
        {making.state === 'ready' && (
          <ul className="flex flex-col gap-1">
            <li>
              <a className="text-accent underline" href={making.url} target="_blank" rel="noopener">
                Open it
              </a>
            </li>
            <li>
              <a className="text-accent underline" href={making.url} download={making.fileName}>
                Save as HTML
              </a>
            </li>
            <li>
              <a
                className="text-accent underline"
                href={addressOf('md')}
                download={making.fileName.replace(/html$/, 'md')}
              >
                Save as Markdown
              </a>
            </li>
          </ul>
        )}
      </div>
    </ToolbarPopover>
  );
}

function Progress({ sinceMs }: { readonly sinceMs: number }) {
  const seconds = Math.max(0, Math.floor((useNow(1_000) - sinceMs) / 1000));
  return (
    <p>
      Reading the worst steps and the windows before …{' '}
      <span className="text-muted">{seconds} s</span>
    </p>
  );
}
