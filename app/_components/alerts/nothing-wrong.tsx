'use client';

import Link from 'next/link';
import type { ListedRule } from '#lib/api/alert-rules.ts';
import { useDashboard } from '../dashboard.tsx';

/** No alert at all: what would be here, and what watches. */
export function NothingWrong({ rules }: { readonly rules: readonly ListedRule[] | undefined }) {
  const { hrefOf } = useDashboard();
  const on = rules?.filter(({ rule }) => rule.enabled) ?? [];
  return (
    <section className="panel p-4" data-testid="no-alerts">
      <h2 className="font-semibold">No alert fires, is pending or was resolved lately</h2>
      <p className="mt-1 text-muted">
        An alert appears here as soon as its rule’s condition is true, with its value, its bound and
        the way to the evidence.{' '}
        <Link className="text-accent underline" href={hrefOf('/rules')} prefetch={false}>
          What is watched
        </Link>
        {on.length > 0 && ':'}
      </p>
      {on.length > 0 && (
        <p className="mt-1.5 flex flex-wrap gap-1 text-small">
          {on.map(({ rule }) => (
            <code
              key={rule.name}
              className="rounded-box border border-line px-1.5"
              title={rule.reason}
            >
              {rule.name}
            </code>
          ))}
        </p>
      )}
    </section>
  );
}
