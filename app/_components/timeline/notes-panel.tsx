'use client';

import { PencilIcon, PlusIcon, Trash2Icon } from 'lucide-react';
import { useState } from 'react';
import { draftOf, type NoteRow, noteRows } from '#lib/view/timeline-notes-view.ts';
import { problemOf } from '../dashboard.tsx';
import { NoteForm } from './note-form.tsx';
import { InstantText, PanelProblem } from './panel-parts.tsx';
import { usePanels } from './panels-context.tsx';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';
import { useNotes, useRemoveNote } from './use-notes.ts';

/** Notes of people on a time: write, read, change, delete. */
export function NotesPanel() {
  const { draft, startNote } = usePanels();
  const notes = useNotes();
  const viewport = useTimelinePart((state) => state.viewport);
  const rows = noteRows(notes.data?.annotations ?? [], viewport);
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-2">
      {draft === null ? (
        <button type="button" className="control self-start" onClick={startNote}>
          <PlusIcon size={13} aria-hidden /> Add note <kbd>n</kbd>
        </button>
      ) : (
        <NoteForm key={`${draft.id} ${draft.fromUnixNs} ${draft.toUnixNs}`} draft={draft} />
      )}
      {notes.problem !== null && <PanelProblem problem={notes.problem} onRetry={notes.retry} />}
      {notes.data !== undefined && rows.length === 0 && draft === null && (
        <p className="text-small text-muted">
          No notes yet. A note is kept with its time: on what is chosen, or else on the middle of
          the view.
        </p>
      )}
      <ul className="min-h-0 flex-1 overflow-auto text-small" data-testid="note-list">
        {rows.map((row) => (
          <NoteItem key={row.note.id} row={row} />
        ))}
      </ul>
    </div>
  );
}

function NoteItem({ row }: { readonly row: NoteRow }) {
  const { note, extent } = row;
  const store = useTimelineStore();
  const { setDraft } = usePanels();
  const remove = useRemoveNote();
  const [isSure, setSure] = useState(false);
  const show = () => {
    const isInstant = extent.toUnixNs === extent.fromUnixNs;
    const toUnixNs = isInstant ? extent.fromUnixNs + 1n : extent.toUnixNs;
    const area = { fromUnixNs: extent.fromUnixNs, toUnixNs, workers: null };
    if (isInstant) {
      // The zoom stays: an instant has no length to show.
      const half = BigInt(Math.ceil(store.view.spanNs / 2));
      store.showWindow(extent.fromUnixNs - half, extent.fromUnixNs + half, 0);
    } else {
      store.select({ kind: 'area', area });
      store.showWindow(extent.fromUnixNs, toUnixNs, 0.5);
    }
  };
  const problem = problemOf(remove.error);
  return (
    <li className={`border-t border-line py-1 ${row.isInView ? '' : 'text-muted'}`}>
      <button
        type="button"
        className="block w-full px-1 text-left hover:bg-raised"
        title="Show this time"
        onClick={show}
      >
        <span className="block break-words whitespace-pre-wrap text-text">{note.text}</span>
        <span className="text-tiny text-muted">
          <InstantText unixNs={extent.fromUnixNs} /> · {row.lengthText}
          {note.author !== '' && ` · ${note.author}`}
        </span>
      </button>
      <span className="flex gap-1 px-1 pt-0.5">
        <button
          type="button"
          className="control"
          aria-label={`Edit the note: ${note.text.slice(0, 40)}`}
          onClick={() => setDraft(draftOf(note))}
        >
          <PencilIcon size={12} aria-hidden /> Edit
        </button>
        <button
          type="button"
          className="control"
          aria-label={`${isSure ? 'Really delete' : 'Delete'} the note: ${note.text.slice(0, 40)}`}
          onBlur={() => setSure(false)}
          onClick={() => (isSure ? remove.mutate(note.id) : setSure(true))}
        >
          <Trash2Icon size={12} aria-hidden /> {isSure ? 'Really delete' : 'Delete'}
        </button>
      </span>
      {problem !== null && (
        <p role="alert" className="px-1 text-critical">
          {problem.detail}
        </p>
      )}
    </li>
  );
}
