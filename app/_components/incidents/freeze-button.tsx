'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { SnowflakeIcon } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { freeze } from '#lib/api/alert-client.ts';
import type { FreezeRequest } from '#lib/api/incidents.ts';
import { FREEZE_LENGTHS, type FreezeDraft, freezeRequest } from '#lib/view/freeze-form.ts';
import { rangeText, trendWindow } from '#lib/view/time-range.ts';
import { timelineWindow } from '#lib/view/timeline-window.ts';
import { rememberAuthor, rememberedAuthor } from '../author.ts';
import { useDashboard } from '../dashboard.tsx';
import { AuthorField, DialogEnd, TextField } from '../dialog-parts.tsx';
import { FIELD, FormField } from '../form-field.tsx';
import { Modal } from '../modal.tsx';

/** Keeps the raw events of the last minutes, or of the window shown, as an incident. */
export function FreezeButton() {
  const { deployment } = useDashboard();
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        className="control"
        disabled={deployment === null}
        aria-label="Freeze"
        title="Freeze the last minutes: keep their events as an incident"
        onClick={() => setOpen(true)}
      >
        <SnowflakeIcon size={15} aria-hidden />
        <span className="hidden xl:inline">Freeze</span>
      </button>
      {isOpen && deployment !== null && (
        <FreezeDialog deployment={deployment} onClose={() => setOpen(false)} />
      )}
    </>
  );
}

function FreezeDialog({
  deployment,
  onClose,
}: {
  readonly deployment: string;
  readonly onClose: () => void;
}) {
  const { state, hrefOf } = useDashboard();
  const router = useRouter();
  const client = useQueryClient();
  // What is shown stays what it was when the dialog was opened.
  const [shown] = useState(() => {
    const viewed = timelineWindow(window.location.pathname, window.location.search);
    if (viewed !== null) return { extent: viewed, text: 'what the timeline shows' };
    if (state.range.kind !== 'absolute') return null;
    const { fromMs, toMs } = trendWindow(state.range, 0);
    const extent = {
      fromUnixNs: BigInt(fromMs) * 1_000_000n,
      toUnixNs: BigInt(toMs) * 1_000_000n,
    };
    return { extent, text: rangeText(state.range) };
  });
  const [draft, setDraft] = useState<FreezeDraft>(() => ({
    length: shown === null ? 300 : 'shown',
    title: '',
    note: '',
    author: rememberedAuthor(),
  }));
  const save = useMutation({
    mutationFn: (body: FreezeRequest) => freeze(body),
    onSuccess: ({ id }) => {
      rememberAuthor(draft.author.trim());
      void client.invalidateQueries({ queryKey: ['incidents'] });
      onClose();
      router.push(hrefOf(`/incidents/${encodeURIComponent(id)}`));
    },
  });
  const set = (change: Partial<FreezeDraft>) => setDraft({ ...draft, ...change });
  return (
    <Modal title="Freeze" onClose={onClose}>
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(freezeRequest(draft, deployment, shown?.extent ?? null));
        }}
      >
        <p>
          Keeps the raw events of {deployment} against retention, with the report, the alerts and
          the configuration of this moment, as an incident.
        </p>
        <div className="flex min-w-0 flex-col gap-1">
          <span className="text-small text-muted">Of the</span>
          <fieldset className="segments flex-wrap" aria-label="How much">
            {shown !== null && (
              <button
                type="button"
                className="control max-w-80"
                aria-pressed={draft.length === 'shown'}
                onClick={() => set({ length: 'shown' })}
              >
                <span className="truncate">{shown.text}</span>
              </button>
            )}
            {FREEZE_LENGTHS.map(({ seconds, label }) => (
              <button
                key={seconds}
                type="button"
                className="control"
                aria-pressed={draft.length === seconds}
                onClick={() => set({ length: seconds })}
              >
                {label}
              </button>
            ))}
          </fieldset>
        </div>
        <TextField
          label="Title"
          placeholder="What is it about? Empty: its time."
          maxLength={256}
          value={draft.title}
          onChange={(title) => set({ title })}
        />
        <FormField label="Note">
          {(ids) => (
            <textarea
              {...ids}
              className={`${FIELD} h-16! resize-y p-1.5 whitespace-pre-wrap`}
              placeholder="What was seen?"
              maxLength={4096}
              value={draft.note}
              onChange={({ target }) => set({ note: target.value })}
            />
          )}
        </FormField>
        <AuthorField value={draft.author} onChange={(author) => set({ author })} />
        <DialogEnd
          error={save.error}
          isDisabled={save.isPending}
          label={save.isPending ? 'Freezing…' : 'Freeze it'}
          className="control border-accent"
          onClose={onClose}
        />
      </form>
    </Modal>
  );
}
