'use client';

import { useState } from 'react';
import type { IncidentJson } from '#lib/api/incidents.ts';
import { instantText } from '#lib/view/format.ts';
import { rememberAuthor, rememberedAuthor } from '../author.ts';
import { problemOf } from '../dashboard.tsx';
import { FIELD } from '../form-field.tsx';
import { useChangeIncident } from './use-incidents.ts';

/** What people found, and a field for more. */
export function IncidentNotes({ incident }: { readonly incident: IncidentJson }) {
  const [text, setText] = useState('');
  const [author, setAuthor] = useState(rememberedAuthor);
  const change = useChangeIncident(incident.id);
  const problem = problemOf(change.error);
  const isEmpty = text.trim() === '';
  const save = () => {
    if (isEmpty) return;
    rememberAuthor(author.trim());
    change.mutate(
      { note: { author: author.trim(), text: text.trim() } },
      { onSuccess: () => setText('') },
    );
  };
  return (
    <section className="panel" aria-label="Notes">
      <h2 className="panel-title px-3 pt-2 pb-1">Notes</h2>
      <ul data-testid="incident-notes">
        {incident.notes.map((note) => (
          <li
            key={`${note.atUnixMs} ${note.text.slice(0, 40)}`}
            className="border-t border-line px-3 py-1.5"
          >
            <p className="text-small text-muted">
              <span title={instantText(note.atUnixMs).utc}>{instantText(note.atUnixMs).local}</span>
              {note.author !== '' && ` · ${note.author}`}
            </p>
            <p className="break-words whitespace-pre-wrap">{note.text}</p>
          </li>
        ))}
      </ul>
      <form
        className="flex flex-col gap-1.5 border-t border-line p-3"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <textarea
          className={`${FIELD} h-16! resize-y p-1.5 whitespace-pre-wrap`}
          aria-label="Note"
          placeholder="What was found, what was done?"
          maxLength={4096}
          value={text}
          onChange={({ target }) => setText(target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) save();
          }}
        />
        <span className="flex gap-1.5">
          <input
            type="text"
            className={`${FIELD} flex-1`}
            aria-label="Your name"
            placeholder="Your name (remembered)"
            maxLength={128}
            value={author}
            onChange={({ target }) => setAuthor(target.value)}
          />
          <button type="submit" className="control" disabled={isEmpty || change.isPending}>
            {change.isPending ? 'Saving…' : 'Add note'}
          </button>
        </span>
        {problem !== null && (
          <p role="alert" className="text-small text-critical">
            {problem.title}: {problem.detail}
          </p>
        )}
      </form>
    </section>
  );
}
