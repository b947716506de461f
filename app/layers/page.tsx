import type { Metadata } from 'next';
import { LayersPage } from '../_components/layers-page.tsx';

export const metadata: Metadata = { title: 'Layers' };

export default function Page() {
  return <LayersPage />;
}
