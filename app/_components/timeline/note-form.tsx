'use client';

import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { durationFigure, figureText } from '#lib/view/format.ts';
import {
  MAX_AUTHOR_CHARS,
  MAX_NOTE_CHARS,
  type NoteDraft,
  noteRequest,
} from '#lib/view/timeline-notes-view.ts';
import { rememberAuthor, rememberedAuthor } from '../author.ts';
import { problemOf, useDashboard } from '../dashboard.tsx';
import { InstantText } from './panel-parts.tsx';
import { usePanels } from './panels-context.tsx';
import { useTimelineStore } from './timeline-context.tsx';
import { useSaveNote } from './use-notes.ts';

/** Writes a note, or changes one. Ctrl+Enter saves, Escape gives up. */
export function NoteForm({ draft }: { readonly draft: NoteDraft }) {
  const { deployment } = useDashboard();
  const { setDraft } = usePanels();
  const store = useTimelineStore();
  const save = useSaveNote();
  const [text, setText] = useState(draft.text);
  const [author, setAuthor] = useState(rememberedAuthor);
  const box = useRef<HTMLTextAreaElement>(null);
  // Whoever starts a note wants to write it.
  useEffect(() => box.current?.focus(), []);
  const lengthNs = Number(draft.toUnixNs - draft.fromUnixNs);
  const request = noteRequest({ ...draft, text }, deployment ?? '', author);
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (request === null) return;
    rememberAuthor(author.trim());
    save.mutate(request, {
      onSuccess: () => {
        setDraft(null);
        if (!store.state().overlays.notes) store.toggleOverlay('notes');
      },
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      setDraft(null);
    } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      submit();
    }
  };
  const problem = problemOf(save.error);
  return (
    <form
      className="flex flex-col gap-1.5 rounded-box border border-line p-2 text-small"
      aria-label={draft.id === null ? 'New note' : 'Change a note'}
      onSubmit={submit}
      onKeyDown={onKeyDown}
    >
      <p className="text-muted">
        <InstantText unixNs={draft.fromUnixNs} />{' '}
        {lengthNs === 0 ? '(instant)' : `+ ${figureText(durationFigure(lengthNs))}`}
      </p>
      <textarea
        ref={box}
        className="control h-20 w-full resize-y p-1.5 whitespace-pre-wrap"
        aria-label="Note"
        placeholder="What happened here?"
        maxLength={MAX_NOTE_CHARS}
        value={text}
        onChange={({ target }) => setText(target.value)}
      />
      <input
        type="text"
        className="control w-full justify-start"
        aria-label="Your name"
        placeholder="Your name (remembered)"
        maxLength={MAX_AUTHOR_CHARS}
        value={author}
        onChange={({ target }) => setAuthor(target.value)}
      />
      {problem !== null && (
        <p role="alert" className="text-critical">
          {problem.detail}
        </p>
      )}
      <span className="flex gap-1">
        <button type="submit" className="control" disabled={request === null || save.isPending}>
          {save.isPending ? 'Saving…' : 'Save note'}
        </button>
        <button type="button" className="control" onClick={() => setDraft(null)}>
          Cancel
        </button>
      </span>
    </form>
  );
}
