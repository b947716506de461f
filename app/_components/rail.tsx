'use client';

import {
  ActivityIcon,
  BellIcon,
  ChartGanttIcon,
  ClipboardListIcon,
  GitCompareIcon,
  Grid3x3Icon,
  LayersIcon,
  LayoutDashboardIcon,
  PanelLeftIcon,
  ScaleIcon,
  ServerIcon,
  SirenIcon,
  TurtleIcon,
} from 'lucide-react';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { AlertBadge } from './alerts/alert-badge.tsx';
import { useDashboard } from './dashboard.tsx';
import { toggleRail, useRail } from './root-setting.ts';

const PAGES = [
  { path: '/', name: 'Overview', keys: 'g o', Icon: LayoutDashboardIcon },
  { path: '/layers', name: 'Layers', keys: 'g l', Icon: LayersIcon },
  { path: '/balance', name: 'Balance', keys: 'g b', Icon: ScaleIcon },
  { path: '/stragglers', name: 'Stragglers', keys: 'g s', Icon: TurtleIcon },
  { path: '/experts', name: 'Experts', keys: 'g e', Icon: Grid3x3Icon },
  { path: '/timeline', name: 'Timeline', keys: 'g t', Icon: ChartGanttIcon },
  { path: '/compare', name: 'Compare', keys: 'g c', Icon: GitCompareIcon },
  { path: '/alerts', name: 'Alerts', keys: 'g a', Icon: BellIcon },
  { path: '/rules', name: 'Rules', keys: 'g r', Icon: ClipboardListIcon },
  { path: '/incidents', name: 'Incidents', keys: 'g i', Icon: SirenIcon },
  { path: '/deployments', name: 'Deployments', keys: 'g d', Icon: ServerIcon },
  { path: '/health', name: 'Health', keys: 'g h', Icon: ActivityIcon },
] as const;

export function Rail() {
  const pathname = usePathname();
  const { hrefOf } = useDashboard();
  const isFolded = useRail() === 'folded';
  return (
    <nav
      aria-label="Pages"
      className="rail sticky top-0 flex h-screen shrink-0 flex-col border-r border-line bg-panel"
    >
      <div className="flex h-11 items-center gap-2 border-b border-line px-3 font-semibold">
        <Mark />
        <span className="rail-name">afdscope</span>
      </div>
      <ul className="flex-1 p-1.5">
        {PAGES.map(({ path, name, keys, Icon }) => (
          <li key={path}>
            <Link
              href={hrefOf(path)}
              prefetch={false}
              aria-current={isPage(pathname, path) ? 'page' : undefined}
              aria-label={name}
              title={`${name} (${keys})`}
              className="relative flex h-8 items-center gap-2.5 rounded-box px-2.5 hover:bg-raised"
            >
              <Icon size={16} aria-hidden />
              <span className="rail-name">{name}</span>
              {path === '/alerts' && <AlertBadge />}
            </Link>
          </li>
        ))}
      </ul>
      <button
        type="button"
        onClick={toggleRail}
        aria-expanded={!isFolded}
        aria-label={isFolded ? 'Unfold the rail' : 'Fold the rail'}
        title={`${isFolded ? 'Unfold' : 'Fold'} the rail (b)`}
        className="m-1.5 flex h-8 items-center gap-2.5 rounded-box px-2.5 text-muted hover:bg-raised"
      >
        <PanelLeftIcon size={16} aria-hidden />
        <span className="rail-name">Fold</span>
      </button>
    </nav>
  );
}

function isPage(pathname: string, path: string): boolean {
  return pathname === path || (path !== '/' && pathname.startsWith(`${path}/`));
}

/** Two groups taking turns. */
function Mark() {
  return (
    <svg width="24" height="20" viewBox="4 6 24 20" aria-hidden="true" className="shrink-0">
      <rect x="5" y="8" width="9" height="6" fill="#4f9dff" />
      <rect x="17" y="8" width="9" height="6" fill="#4f9dff" />
      <rect x="9" y="18" width="9" height="6" fill="#f2a33a" />
      <rect x="21" y="18" width="6" height="6" fill="#f2a33a" />
    </svg>
  );
}
