'use client';

import type { ReactNode } from 'react';
import { Banners } from './banners.tsx';
import { DashboardProvider } from './dashboard.tsx';
import { DropAnywhere } from './drop-anywhere.tsx';
import { Keyboard } from './keyboard.tsx';
import { Providers } from './providers.tsx';
import { Rail } from './rail.tsx';
import { TopBar } from './top-bar.tsx';

/** Rail, top bar and banners around every page. */
export function Frame({ children }: { readonly children: ReactNode }) {
  return (
    <Providers>
      <DashboardProvider>
        <a href="#content" className="control absolute -top-10 left-2 z-50 focus:top-2">
          Skip to content
        </a>
        <DropAnywhere />
        <div className="flex min-h-screen has-data-full-bleed:h-screen">
          <Rail />
          <div className="flex min-w-0 min-h-0 flex-1 flex-col">
            <Keyboard>
              <TopBar />
            </Keyboard>
            <Banners />
            <main
              id="content"
              className="min-w-0 flex-1 p-3 has-data-full-bleed:flex has-data-full-bleed:min-h-0 has-data-full-bleed:flex-col has-data-full-bleed:p-0"
              tabIndex={-1}
            >
              {children}
            </main>
          </div>
        </div>
      </DashboardProvider>
    </Providers>
  );
}
