'use client';

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { acknowledgeAlert } from '#lib/api/alert-client.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import { alertSentence } from '#lib/view/alert-words.ts';
import { rememberAuthor, rememberedAuthor } from '../author.ts';
import { AuthorField, DialogEnd, TextField } from '../dialog-parts.tsx';
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
        <AuthorField value={by} onChange={setBy} />
        <TextField
          label="Comment, if there is something to say"
          maxLength={2048}
          value={comment}
          onChange={setComment}
        />
        <DialogEnd
          error={save.error}
          isDisabled={by.trim() === '' || save.isPending}
          label={save.isPending ? 'Acknowledging…' : 'Acknowledge'}
          onClose={onClose}
        />
      </form>
    </Modal>
  );
}
