'use client';

import { useMutation } from '@tanstack/react-query';
import { PencilIcon, PlusIcon, XIcon } from 'lucide-react';
import { useState } from 'react';
import { expireSilence } from '#lib/api/alert-client.ts';
import type { AlertJson, SilenceJson } from '#lib/api/alerts.ts';
import { matcherText } from '#lib/api/matchers.ts';
import { instantText } from '#lib/view/format.ts';
import { coveredAlerts, silenceSections, silenceTimeText } from '#lib/view/silence-form.ts';
import { problemOf } from '../dashboard.tsx';
import { Waiting } from '../skeleton.tsx';
import { ErrorState } from '../states.tsx';
import { useNow } from '../use-now.ts';
import { SilenceDialog, type SilenceStart } from './silence-dialog.tsx';
import { useAlertsChanged, useSilences } from './use-alerts.ts';

/** How many that are over are listed. */
const EXPIRED_SHOWN = 50;

/** Silences: those that hold, those to come, those that are over. */
export function SilencesTab({ alerts }: { readonly alerts: readonly AlertJson[] }) {
  const asked = useSilences();
  const [start, setStart] = useState<SilenceStart | null>(null);
  if (asked.data === undefined) {
    return asked.problem === null ? (
      <Waiting heightPx={160} text="Loading silences" />
    ) : (
      <ErrorState problem={asked.problem} onRetry={asked.retry} />
    );
  }
  const { active, scheduled, expired } = silenceSections(asked.data);
  const edit = (silence: SilenceJson) => setStart({ kind: 'edit', silence });
  const shared = { alerts, onEdit: edit };
  return (
    <>
      <button
        type="button"
        className="control self-start"
        onClick={() => setStart({ kind: 'new' })}
      >
        <PlusIcon size={13} aria-hidden /> New silence
      </button>
      {asked.data.length === 0 && (
        <section className="panel p-4" data-testid="no-silences">
          <h2 className="font-semibold">No silence</h2>
          <p className="mt-1 text-muted">
            A silence keeps messages about the alerts that it covers back, for planned work or for
            what is known. The alerts stay listed. Silence on an alert’s row fills its labels in.
          </p>
        </section>
      )}
      <SilenceList title="Active" silences={active} {...shared} />
      <SilenceList title="Scheduled" silences={scheduled} {...shared} />
      <SilenceList title="Expired" silences={expired.slice(0, EXPIRED_SHOWN)} {...shared} />
      {expired.length > EXPIRED_SHOWN && (
        <p className="text-small text-muted">
          {expired.length - EXPIRED_SHOWN} older ones are not listed.
        </p>
      )}
      {start !== null && <SilenceDialog start={start} onClose={() => setStart(null)} />}
    </>
  );
}

function SilenceList({
  title,
  silences,
  alerts,
  onEdit,
}: {
  readonly title: string;
  readonly silences: readonly SilenceJson[];
  readonly alerts: readonly AlertJson[];
  readonly onEdit: (silence: SilenceJson) => void;
}) {
  if (silences.length === 0) return null;
  return (
    <section className="panel" aria-label={`${title} silences`}>
      <h2 className="panel-title px-3 pt-2 pb-1">
        {title} <span className="font-normal text-muted">{silences.length}</span>
      </h2>
      <ul>
        {silences.map((silence) => (
          <SilenceRow key={silence.id} silence={silence} alerts={alerts} onEdit={onEdit} />
        ))}
      </ul>
    </section>
  );
}

function SilenceRow({
  silence,
  alerts,
  onEdit,
}: {
  readonly silence: SilenceJson;
  readonly alerts: readonly AlertJson[];
  readonly onEdit: (silence: SilenceJson) => void;
}) {
  const now = useNow(5_000);
  const changed = useAlertsChanged();
  const expire = useMutation({
    mutationFn: () => expireSilence(silence.id),
    onSuccess: changed,
  });
  const problem = problemOf(expire.error);
  const isOver = silence.state === 'expired';
  const covered = coveredAlerts(silence.matchers, alerts).length;
  const from = instantText(silence.startsAtUnixMs);
  const to = instantText(silence.endsAtUnixMs);
  return (
    <li
      className="flex flex-wrap items-start gap-x-3 gap-y-1 border-t border-line px-3 py-2"
      data-testid="silence"
      data-state={silence.state}
    >
      <div className={`min-w-0 flex-1 ${isOver ? 'text-muted' : ''}`}>
        <p className="break-words">{silence.comment}</p>
        <p className="flex flex-wrap gap-1 text-small">
          {silence.matchers.map((matcher) => (
            <code
              key={matcherText(matcher)}
              className="rounded-box border border-line px-1.5 break-all"
            >
              {matcherText(matcher)}
            </code>
          ))}
        </p>
        <p className="text-small text-muted">
          <span title={`${from.utc} – ${to.utc}`}>
            {from.local} – {to.local}, {silenceTimeText(silence, now)}
          </span>{' '}
          · {silence.author}
          {!isOver && ` · covers ${covered} of the alerts that are there now`}
        </p>
        {problem !== null && (
          <p role="alert" className="text-small text-critical">
            {problem.title}: {problem.detail}
          </p>
        )}
      </div>
      <span className="flex gap-1">
        <button type="button" className="control" onClick={() => onEdit(silence)}>
          <PencilIcon size={13} aria-hidden /> {isOver ? 'Again' : 'Edit'}
        </button>
        {!isOver && (
          <button
            type="button"
            className="control"
            disabled={expire.isPending}
            onClick={() => expire.mutate()}
          >
            <XIcon size={13} aria-hidden /> Expire
          </button>
        )}
      </span>
    </li>
  );
}
