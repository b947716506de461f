import type { Metadata } from 'next';
import { TimelinePage } from '../_components/timeline/timeline-page.tsx';

export const metadata: Metadata = { title: 'Timeline' };

export default function Page() {
  return <TimelinePage />;
}
