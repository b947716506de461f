import type { Metadata } from 'next';
import { ExpertsPage } from '../_components/experts-page.tsx';

export const metadata: Metadata = { title: 'Experts' };

export default function Page() {
  return <ExpertsPage />;
}
