import type { Metadata } from 'next';
import { IncidentPage } from '../../_components/incidents/incident-page.tsx';

export const metadata: Metadata = { title: 'Incident' };

export default async function Page({ params }: { readonly params: Promise<{ id: string }> }) {
  const { id } = await params;
  return <IncidentPage id={decodeURIComponent(id)} />;
}
