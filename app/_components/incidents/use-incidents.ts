'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { changeIncident, fetchIncident, fetchIncidents } from '#lib/api/alert-client.ts';
import type { IncidentChange, IncidentDetail, Incidents } from '#lib/api/incidents.ts';
import type { Asked } from '../alerts/use-alerts.ts';
import { problemOf } from '../dashboard.tsx';

export function useIncidents(): Asked<Incidents> {
  const asked = useQuery({
    queryKey: ['incidents'],
    queryFn: ({ signal }) => fetchIncidents({ signal }),
    refetchInterval: 5_000,
  });
  const { refetch } = asked;
  return { data: asked.data, problem: problemOf(asked.error), retry: () => void refetch() };
}

/** While its window is being recorded it changes by itself. */
export function useIncident(id: string): Asked<IncidentDetail> {
  const asked = useQuery({
    queryKey: ['incident', id],
    queryFn: ({ signal }) => fetchIncident(id, { signal }),
    refetchInterval: ({ state }) =>
      state.data?.incident.evidence === 'recording' || state.data?.report === null ? 2_000 : 10_000,
  });
  const { refetch } = asked;
  return { data: asked.data, problem: problemOf(asked.error), retry: () => void refetch() };
}

export function useChangeIncident(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: IncidentChange) => changeIncident(id, change),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['incident', id] });
      void client.invalidateQueries({ queryKey: ['incidents'] });
    },
  });
}
