'use client';

/** Small pieces that the panels of the timeline share. */
import { CheckIcon, LinkIcon, RefreshCwIcon } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import type { Problem } from '#lib/api/problem.ts';
import { instantNs } from '#lib/view/timeline-instant.ts';

/** A line of a list of figures: what it is, and its value. */
export function Line({
  name,
  title,
  children,
}: {
  readonly name: ReactNode;
  readonly title?: string;
  readonly children: ReactNode;
}) {
  return (
    <div className="grid grid-cols-[6.5rem_1fr] gap-2 py-0.5" title={title}>
      <dt className="text-muted">{name}</dt>
      <dd className="m-0 min-w-0 break-words">{children}</dd>
    </div>
  );
}

/** Clock time in the viewer's zone; day, UTC and the exact number on hover. */
export function InstantText({ unixNs }: { readonly unixNs: bigint }) {
  const instant = instantNs(unixNs);
  return (
    <time
      dateTime={instant.utc}
      data-unix-ns={instant.unixNs}
      title={`${instant.local}\n${instant.utc}\n${instant.unixNs} ns since 1970`}
    >
      {instant.clock}
    </time>
  );
}

export function PanelProblem({
  problem,
  onRetry,
}: {
  readonly problem: Problem;
  readonly onRetry: () => void;
}) {
  return (
    <div role="alert" className="border-l-2 border-critical px-2 py-1 text-small break-words">
      <p>
        <strong>{problem.title}.</strong> {problem.detail}
      </p>
      <button type="button" className="control mt-1" onClick={onRetry}>
        <RefreshCwIcon size={13} aria-hidden /> Try again
      </button>
    </div>
  );
}

const CONFIRMED_MS = 2_000;

/** Copies the page's address as it is now, and says so. */
export function CopyLink({ label = 'Copy link' }: { readonly label?: string }) {
  const [told, setTold] = useState<'copied' | 'not copied' | null>(null);
  useEffect(() => {
    if (told === null) return;
    const timer = setTimeout(() => setTold(null), CONFIRMED_MS);
    return () => clearTimeout(timer);
  }, [told]);
  const copy = () => {
    navigator.clipboard.writeText(window.location.href).then(
      () => setTold('copied'),
      () => setTold('not copied'),
    );
  };
  return (
    <button
      type="button"
      className="control"
      title="The link shows this picture: view, choice, area, filters, search"
      onClick={copy}
    >
      {told === 'copied' ? <CheckIcon size={13} aria-hidden /> : <LinkIcon size={13} aria-hidden />}
      <span aria-live="polite">{told ?? label}</span>
    </button>
  );
}
