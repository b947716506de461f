'use client';

import { useMutation } from '@tanstack/react-query';
import { PlusIcon, XIcon } from 'lucide-react';
import { useState } from 'react';
import { postSilence } from '#lib/api/alert-client.ts';
import type { AlertJson, Matcher, SilenceJson, SilenceRequest } from '#lib/api/alerts.ts';
import { alertSentence } from '#lib/view/alert-words.ts';
import {
  checkSilence,
  coveredAlerts,
  type DraftMatcher,
  draftFor,
  draftOfSilence,
  emptyDraft,
  SILENCE_LENGTHS,
  type SilenceDraft,
  withMatcher,
} from '#lib/view/silence-form.ts';
import { rememberAuthor, rememberedAuthor } from '../author.ts';
import { AuthorField, DialogEnd, TextField } from '../dialog-parts.tsx';
import { FIELD, FormField } from '../form-field.tsx';
import { Modal } from '../modal.tsx';
import { useNow } from '../use-now.ts';
import { useAlerts, useAlertsChanged } from './use-alerts.ts';

export type SilenceStart =
  | { readonly kind: 'new' }
  | { readonly kind: 'alert'; readonly alert: AlertJson }
  | { readonly kind: 'edit'; readonly silence: SilenceJson };

function draftOf(start: SilenceStart): SilenceDraft {
  if (start.kind === 'edit') return draftOfSilence(start.silence);
  const [author, now] = [rememberedAuthor(), Date.now()];
  return start.kind === 'alert'
    ? draftFor(start.alert.labels, author, now)
    : emptyDraft(author, now);
}

/** Writes a silence: nobody is told of what it covers while it lasts. */
export function SilenceDialog({
  start,
  onClose,
}: {
  readonly start: SilenceStart;
  readonly onClose: () => void;
}) {
  const [draft, setDraft] = useState(() => draftOf(start));
  // What is still empty is not wrong before somebody tried to send it.
  const [isTried, setTried] = useState(false);
  const now = useNow(5_000);
  const changed = useAlertsChanged();
  const alerts = useAlerts().data?.alerts ?? [];
  const { request, errors } = checkSilence(draft, now);
  const save = useMutation({
    mutationFn: (body: SilenceRequest) => postSilence(body),
    onSuccess: () => {
      rememberAuthor(draft.author.trim());
      changed();
      onClose();
    },
  });
  const set = (change: Partial<SilenceDraft>) => setDraft({ ...draft, ...change });
  const shown = (field: string): string | undefined => (isTried ? errors.get(field) : undefined);
  const covered = coveredAlerts(draft.matchers, alerts);
  return (
    <Modal title={draft.id === null ? 'New silence' : 'Change a silence'} onClose={onClose}>
      <form
        className="flex flex-col gap-3"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if (request !== null) save.mutate(request);
        }}
      >
        <Matchers
          matchers={draft.matchers}
          errorOf={(at) => shown(`matchers.${at}`)}
          onChange={(matchers) => set({ matchers })}
        />
        {shown('matchers') !== undefined && (
          <p role="alert" className="text-small text-critical">
            {shown('matchers')}
          </p>
        )}
        <p className="text-small text-muted" data-testid="silence-covers">
          {covered.length === 0
            ? 'Covers no alert that is there now.'
            : `Covers ${covered.length} of the alerts that are there now: ${covered
                .slice(0, 3)
                .map(alertSentence)
                .join('; ')}${covered.length > 3 ? '; …' : ''}`}
        </p>
        <div className="grid grid-cols-2 gap-3">
          <FormField label="From (empty: now)" error={shown('from')}>
            {(ids) => (
              <input
                {...ids}
                type="datetime-local"
                step={1}
                className={FIELD}
                value={draft.from}
                onChange={({ target }) => set({ from: target.value })}
              />
            )}
          </FormField>
          <div className="flex min-w-0 flex-col gap-1">
            <span className="text-small text-muted">For</span>
            <fieldset className="segments" aria-label="For how long">
              {[...SILENCE_LENGTHS, { name: 'custom' as const, label: 'until …' }].map(
                ({ name, label }) => (
                  <button
                    key={name}
                    type="button"
                    className="control"
                    aria-pressed={draft.length === name}
                    onClick={() => set({ length: name })}
                  >
                    {label}
                  </button>
                ),
              )}
            </fieldset>
            {draft.length !== 'custom' && shown('until') !== undefined && (
              <p role="alert" className="text-small text-critical">
                {shown('until')}
              </p>
            )}
          </div>
          {draft.length === 'custom' && (
            <FormField label="Until" error={shown('until')} className="col-start-2">
              {(ids) => (
                <input
                  {...ids}
                  type="datetime-local"
                  step={1}
                  className={FIELD}
                  value={draft.until}
                  onChange={({ target }) => set({ until: target.value })}
                />
              )}
            </FormField>
          )}
        </div>
        <AuthorField
          error={shown('author')}
          value={draft.author}
          onChange={(author) => set({ author })}
        />
        <TextField
          label="Comment: why"
          error={shown('comment')}
          placeholder="Planned maintenance of node-1"
          maxLength={2048}
          value={draft.comment}
          onChange={(comment) => set({ comment })}
        />
        <DialogEnd
          error={save.error}
          isDisabled={save.isPending}
          label={save.isPending ? 'Saving…' : draft.id === null ? 'Silence' : 'Save'}
          onClose={onClose}
        />
      </form>
    </Modal>
  );
}

const OPERATORS = [
  { text: '=', isEqual: true, isRegex: false },
  { text: '!=', isEqual: false, isRegex: false },
  { text: '=~', isEqual: true, isRegex: true },
  { text: '!~', isEqual: false, isRegex: true },
] as const;

function Matchers({
  matchers,
  errorOf,
  onChange,
}: {
  readonly matchers: readonly DraftMatcher[];
  readonly errorOf: (at: number) => string | undefined;
  readonly onChange: (matchers: readonly DraftMatcher[]) => void;
}) {
  const change = (at: number, part: Partial<Matcher>) =>
    onChange(matchers.map((matcher, i) => (i === at ? { ...matcher, ...part } : matcher)));
  return (
    <fieldset>
      <legend
        className="mb-1 text-small text-muted"
        title="All of them must hold. =~ and !~ take a regular expression for the whole value."
      >
        <span className="defined">Alerts whose labels are</span>
      </legend>
      <ul className="flex flex-col gap-1">
        {matchers.map((matcher, at) => {
          const error = errorOf(at);
          return (
            <li key={matcher.key}>
              <span className="flex gap-1">
                <input
                  type="text"
                  className={`${FIELD} w-36!`}
                  aria-label={`Label ${at + 1}`}
                  aria-invalid={error !== undefined}
                  placeholder="label"
                  value={matcher.name}
                  onChange={({ target }) => change(at, { name: target.value })}
                />
                <select
                  className="control shrink-0"
                  aria-label={`Comparison ${at + 1}`}
                  value={OPERATORS.findIndex(
                    (one) => one.isEqual === matcher.isEqual && one.isRegex === matcher.isRegex,
                  )}
                  onChange={({ target }) => {
                    const { isEqual, isRegex } = OPERATORS[Number(target.value)]!;
                    change(at, { isEqual, isRegex });
                  }}
                >
                  {OPERATORS.map(({ text }, i) => (
                    <option key={text} value={i}>
                      {text}
                    </option>
                  ))}
                </select>
                <input
                  type="text"
                  className={`${FIELD} flex-1`}
                  aria-label={`Value ${at + 1}`}
                  placeholder="value"
                  value={matcher.value}
                  onChange={({ target }) => change(at, { value: target.value })}
                />
                <button
                  type="button"
                  className="control shrink-0"
                  aria-label={`Remove matcher ${at + 1}`}
                  disabled={matchers.length === 1}
                  onClick={() => onChange(matchers.filter((_, i) => i !== at))}
                >
                  <XIcon size={13} aria-hidden />
                </button>
              </span>
              {error !== undefined && (
                <p role="alert" className="text-small text-critical">
                  {error}
                </p>
              )}
            </li>
          );
        })}
      </ul>
      <button
        type="button"
        className="control mt-1"
        onClick={() => onChange(withMatcher(matchers))}
      >
        <PlusIcon size={13} aria-hidden /> Matcher
      </button>
    </fieldset>
  );
}
