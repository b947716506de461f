'use client';

import { SearchIcon } from 'lucide-react';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import type { TimelineSearch } from '#lib/api/timeline-search.ts';
import { durationFigure } from '#lib/view/format.ts';
import { MAX_QUERY_CHARS } from '#lib/view/timeline-panels-url.ts';
import {
  isOutside,
  SEARCH_HELP,
  type SearchHit,
  searchSummary,
  walkHit,
} from '#lib/view/timeline-search-view.ts';
import { Fig } from '../figure.tsx';
import { InstantText } from './panel-parts.tsx';
import { usePanels } from './panels-context.tsx';
import { useTimelinePart } from './timeline-context.tsx';
import { useShowHit, useTimelineSearch } from './use-search.ts';

const TYPING_MS = 350;

/** A box for the query language, and what it finds. Enter walks on, Shift+Enter back. */
export function SearchPanel() {
  const { query, change, searchFocus, searchHere } = usePanels();
  const viewport = useTimelinePart((state) => state.viewport);
  const [typed, setTyped] = useState(query);
  const [at, setAt] = useState<number | null>(null);
  const box = useRef<HTMLInputElement>(null);
  const answer = useTimelineSearch();
  const show = useShowHit();
  const hits = answer.data?.hits ?? [];
  useEffect(() => {
    if (searchFocus === 0) return;
    box.current?.focus();
    box.current?.select();
  }, [searchFocus]);
  useEffect(() => {
    if (typed.trim() === query) return;
    const timer = setTimeout(() => change({ query: typed.trim() }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, query, change]);
  const choose = (index: number | null) => {
    setAt(index);
    const hit = index === null ? undefined : hits[index];
    if (hit !== undefined) show(hit);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && typed.trim() !== query) {
      event.preventDefault();
      setAt(null);
      change({ query: typed.trim() });
      return;
    }
    if (event.key === 'Escape') {
      event.stopPropagation();
      change({ tab: null });
      return;
    }
    const by =
      event.key === 'ArrowDown' || (event.key === 'Enter' && !event.shiftKey)
        ? 1
        : event.key === 'ArrowUp' || event.key === 'Enter'
          ? -1
          : null;
    if (by === null) return;
    event.preventDefault();
    choose(walkHit(at, by, hits.length));
  };
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-2">
      <search className="relative">
        <SearchIcon
          size={13}
          aria-hidden
          className="absolute top-1/2 left-2 -translate-y-1/2 text-muted"
        />
        <input
          ref={box}
          type="text"
          className="control w-full justify-start pl-7 aria-invalid:border-critical"
          aria-label="Search the timeline"
          aria-invalid={answer.problem !== null}
          aria-describedby="timeline-search-told"
          placeholder="stage:expert dur>1ms"
          spellCheck={false}
          autoComplete="off"
          maxLength={MAX_QUERY_CHARS}
          value={typed}
          onChange={({ target }) => {
            setTyped(target.value);
            setAt(null);
          }}
          onKeyDown={onKeyDown}
        />
      </search>
      <div id="timeline-search-told" className="text-small" role="status">
        {answer.problem !== null && (
          <p className="text-critical" data-testid="search-problem">
            {answer.problem.detail}
          </p>
        )}
        {query !== '' && answer.problem === null && (
          <p className="text-muted" data-testid="search-summary">
            {answer.data === undefined ? 'Searching…' : summaryOf(answer.data, at)}
          </p>
        )}
        {answer.data !== undefined && (
          <p className="text-tiny text-muted">
            in <Fig figure={durationFigure(answer.data.window.durationNs)} /> to{' '}
            <InstantText unixNs={BigInt(answer.data.window.endUnixNs)} />
            {isOutside(viewport, answer.data.window) && (
              <button type="button" className="ml-2 text-accent underline" onClick={searchHere}>
                search here
              </button>
            )}
          </p>
        )}
      </div>
      {query === '' || answer.problem !== null ? (
        <SearchHelp />
      ) : (
        <HitList hits={hits} at={at} onChoose={choose} />
      )}
    </div>
  );
}

function summaryOf(answer: TimelineSearch, at: number | null): string {
  const summary = searchSummary(answer);
  return at === null ? summary : `${at + 1} of ${summary}`;
}

function SearchHelp() {
  return (
    <div className="text-small text-muted" data-testid="search-help">
      <p className="mb-1">
        Searches the time in view and the minute before its end, and lists what is nearest to the
        middle of the view first. All must hold:
      </p>
      <dl className="m-0 grid grid-cols-[auto_1fr] gap-x-3 gap-y-0.5">
        {SEARCH_HELP.map(({ text, meaning }) => (
          <div key={text} className="contents">
            <dt>
              <code className="text-text">{text}</code>
            </dt>
            <dd className="m-0">{meaning}</dd>
          </div>
        ))}
      </dl>
      <p className="mt-1">
        <kbd>Enter</kbd> or <kbd>↓</kbd> to the next hit, <kbd>Shift</kbd>+<kbd>Enter</kbd> or{' '}
        <kbd>↑</kbd> back.
      </p>
    </div>
  );
}

function HitList({
  hits,
  at,
  onChoose,
}: {
  readonly hits: readonly SearchHit[];
  readonly at: number | null;
  readonly onChoose: (index: number) => void;
}) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    if (at === null) return;
    list.current?.children[at]?.scrollIntoView({ block: 'nearest' });
  }, [at]);
  return (
    <ul ref={list} className="min-h-0 flex-1 overflow-auto text-small" data-testid="search-hits">
      {hits.map((hit, i) => (
        <li key={`${hit.kind} ${hit.workerId} ${hit.stage} ${hit.startUnixNs} ${hit.label}`}>
          <button
            type="button"
            aria-current={i === at}
            className={`block w-full px-1 py-1 text-left hover:bg-raised ${i === at ? 'bg-raised shadow-[inset_2px_0_0_var(--accent)]' : ''}`}
            onClick={() => onChoose(i)}
          >
            <span className="block break-words" title={hit.label}>
              {hit.label}
            </span>
            <span className="flex justify-between gap-2 text-tiny text-muted">
              <span>
                {hit.startUnixNs === null ? (
                  hit.kind
                ) : (
                  <InstantText unixNs={BigInt(hit.startUnixNs)} />
                )}
              </span>
              {hit.kind !== 'worker' && <Fig figure={durationFigure(hit.durationNs)} />}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}
