'use client';

import { ChevronRightIcon } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { ListedRule } from '#lib/api/alert-rules.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import type { AlertSections, AlertTree } from '#lib/view/alert-list.ts';
import { AcknowledgeDialog } from './acknowledge-dialog.tsx';
import { AlertRow } from './alert-row.tsx';
import { NothingWrong } from './nothing-wrong.tsx';
import { SilenceDialog } from './silence-dialog.tsx';

type Asked = { readonly kind: 'acknowledge' | 'silence'; readonly alert: AlertJson };

/** What fires, what may soon, what somebody knows of, what is over. */
export function ActiveTab({
  sections,
  rules,
}: {
  readonly sections: AlertSections;
  readonly rules: readonly ListedRule[] | undefined;
}) {
  const [asked, setAsked] = useState<Asked | null>(null);
  const { firing, pending, quiet, resolved } = sections;
  const isEmpty = firing.length + pending.length + quiet.length + resolved.length === 0;
  const row = (alert: AlertJson, more?: ReactNode) => (
    <AlertRow
      key={alert.id}
      alert={alert}
      onAcknowledge={() => setAsked({ kind: 'acknowledge', alert })}
      onSilence={() => setAsked({ kind: 'silence', alert })}
    >
      {more}
    </AlertRow>
  );
  const tree = ({ alert, consequences }: AlertTree) =>
    row(
      alert,
      consequences.length > 0 && (
        <Consequences count={consequences.length}>
          {consequences.map((consequence) => row(consequence))}
        </Consequences>
      ),
    );
  return (
    <>
      {isEmpty && <NothingWrong rules={rules} />}
      <Section id="firing" title="Firing" count={firing.length}>
        {firing.map(tree)}
      </Section>
      <Section
        id="pending"
        title="Pending"
        hint="Its condition is true, but not for long enough yet"
        count={pending.length}
      >
        {pending.map((alert) => row(alert))}
      </Section>
      <Section
        id="quiet"
        title="Silenced or acknowledged"
        hint="Still firing; nobody is told"
        count={quiet.length}
      >
        {quiet.map(tree)}
      </Section>
      <Section id="resolved" title="Recently resolved" count={resolved.length}>
        {resolved.map((alert) => row(alert))}
      </Section>
      {asked?.kind === 'acknowledge' && (
        <AcknowledgeDialog alert={asked.alert} onClose={() => setAsked(null)} />
      )}
      {asked?.kind === 'silence' && (
        <SilenceDialog
          start={{ kind: 'alert', alert: asked.alert }}
          onClose={() => setAsked(null)}
        />
      )}
    </>
  );
}

function Section({
  id,
  title,
  hint,
  count,
  children,
}: {
  readonly id: string;
  readonly title: string;
  readonly hint?: string;
  readonly count: number;
  readonly children: ReactNode;
}) {
  if (count === 0) return null;
  return (
    <section className="panel" aria-label={title} data-testid={`alerts-${id}`}>
      <h2 className="panel-title px-3 pt-2 pb-1" title={hint}>
        {title} <span className="font-normal text-muted">{count}</span>
      </h2>
      <ul>{children}</ul>
    </section>
  );
}

function Consequences({
  count,
  children,
}: {
  readonly count: number;
  readonly children: ReactNode;
}) {
  return (
    <details className="group border-t border-line">
      <summary className="flex items-center gap-1 py-1.5 pl-8 text-small text-muted">
        <ChevronRightIcon size={13} aria-hidden className="group-open:rotate-90" />
        {count} {count === 1 ? 'consequence' : 'consequences'} of it
      </summary>
      <ul className="pl-6">{children}</ul>
    </details>
  );
}
