import type { Metadata } from 'next';
import type { ReactNode } from 'react';
import { Suspense } from 'react';
import { Frame } from './_components/frame.tsx';
import { FrameSkeleton } from './_components/skeleton.tsx';
import './globals.css';

export const metadata: Metadata = {
  title: { default: 'Overview · afdscope', template: '%s · afdscope' },
  description: 'Bubbles, overlap and utilization of Attention-FFN disaggregated clusters, live.',
};

export default function RootLayout({ children }: { readonly children: ReactNode }) {
  return (
    <html lang="en" data-theme="dark" data-rail="open" suppressHydrationWarning>
      <head>
        <script src="/start.js" />
      </head>
      <body>
        <Suspense fallback={<FrameSkeleton />}>
          <Frame>{children}</Frame>
        </Suspense>
      </body>
    </html>
  );
}
