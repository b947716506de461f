import type { Metadata } from 'next';
import { HealthPage } from '../_components/health-page.tsx';

export const metadata: Metadata = { title: 'Health' };

export default function Page() {
  return <HealthPage />;
}
