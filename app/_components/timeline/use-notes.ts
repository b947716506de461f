'use client';

/** The notes of the deployment, and how to change them. */
import { type UseMutationResult, useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { AnnotationJson, AnnotationRequest, Annotations } from '#lib/api/annotations.ts';
import { deleteAnnotation, fetchAnnotations, postAnnotation } from '#lib/api/client.ts';
import { useDashboard } from '../dashboard.tsx';
import type { Answer } from '../use-question.ts';
import { useTimelineStore } from './timeline-context.tsx';
import { useAsk } from './use-ask.ts';

/** Others write notes too. */
const REFETCH_MS = 15_000;
const NAME = 'timeline-notes';
/** Unix ns in the year 2255. */
const END_OF_TIME = '9000000000000000000';

/** All of them, also of times whose events are gone: people write few. */
export function useNotes(): Answer<Annotations> {
  const { deployment } = useDashboard();
  return useAsk(
    deployment === null ? null : [NAME, deployment],
    (options) => fetchAnnotations(deployment ?? '', { from: '0', to: END_OF_TIME }, options),
    { refetchMs: REFETCH_MS },
  );
}

/** Draws them. */
export function NotesLayer() {
  const store = useTimelineStore();
  const notes = useNotes().data?.annotations;
  useEffect(() => {
    store.setLayers({ notes: notes ?? [] });
  }, [store, notes]);
  return null;
}

export function useSaveNote(): UseMutationResult<AnnotationJson, Error, AnnotationRequest> {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (note: AnnotationRequest) => postAnnotation(note),
    onSuccess: () => client.invalidateQueries({ queryKey: [NAME] }),
  });
}

export function useRemoveNote(): UseMutationResult<void, Error, string> {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => deleteAnnotation(id),
    onSuccess: () => client.invalidateQueries({ queryKey: [NAME] }),
  });
}
