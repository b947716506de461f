import type { Metadata } from 'next';
import { StragglersPage } from '../_components/stragglers-page.tsx';

export const metadata: Metadata = { title: 'Stragglers' };

export default function Page() {
  return <StragglersPage />;
}
