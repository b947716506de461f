'use client';

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { acknowledgeAlert } from '#lib/api/alert-client.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import { alertSentence } from '#lib/view/alert-words.ts';
import { rememberAuthor, rememberedAuthor } from '../author.ts';
import { problemOf } from '../dashboard.tsx';
import { FIELD, FormField } from '../form-field.tsx';
import { Modal } from '../modal.tsx';
import { useAlertsChanged } from './use-alerts.ts';

/** Says who looks after it: nobody else is told until it ends. */
export function AcknowledgeDialog({
  alert,
  onClose,
}: {
  readonly alert: AlertJson;
  readonly onClose: () => void;
}) {
  const changed = useAlertsChanged();
  const [by, setBy] = useState(rememberedAuthor);
  const [comment, setComment] = useState('');
  const save = useMutation({
    mutationFn: () =>
      acknowledgeAlert({ alertId: alert.id, by: by.trim(), comment: comment.trim() }),
    onSuccess: () => {
      rememberAuthor(by.trim());
      changed();
      onClose();
    },
  });
  const problem = problemOf(save.error);
  return (
    <Modal title="Acknowledge" onClose={onClose}>
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (by.trim() !== '') save.mutate();
        }}
      >
        <p>{alertSentence(alert)}</p>
        <p className="text-small text-muted">
          It stays listed, and no more messages are sent until it ends. Others see your name.
        </p>
        <FormField label="Your name (remembered)">
          {(ids) => (
            <input
              {...ids}
              type="text"
              className={FIELD}
              maxLength={128}
              value={by}
              onChange={({ target }) => setBy(target.value)}
            />
          )}
        </FormField>
        <FormField label="Comment, if there is something to say">
          {(ids) => (
            <input
              {...ids}
              type="text"
              className={FIELD}
              maxLength={2048}
              value={comment}
              onChange={({ target }) => setComment(target.value)}
            />
          )}
        </FormField>
        {problem !== null && (
          <p role="alert" className="text-critical">
            {problem.title}: {problem.detail}
          </p>
        )}
        <span className="flex gap-1">
          <button type="submit" className="control" disabled={by.trim() === '' || save.isPending}>
            {save.isPending ? 'Acknowledging…' : 'Acknowledge'}
          </button>
          <button type="button" className="control" onClick={onClose}>
            Cancel
          </button>
        </span>
      </form>
    </Modal>
  );
}
