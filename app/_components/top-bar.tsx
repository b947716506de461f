'use client';

import { CircleHelpIcon, MoonIcon, PauseIcon, PlayIcon, SunIcon } from 'lucide-react';
import { useDashboard } from './dashboard.tsx';
import { ExportButton } from './export-button.tsx';
import { FreezeButton } from './incidents/freeze-button.tsx';
import { useHelp } from './keyboard.tsx';
import { liveStore, useLive } from './live-store.ts';
import { PostmortemButton } from './postmortem-button.tsx';
import { RangePicker } from './range-picker.tsx';
import { toggleTheme, useTheme } from './root-setting.ts';

export function TopBar() {
  const openHelp = useHelp();
  const isDark = useTheme() === 'dark';
  return (
    <header className="sticky top-0 z-30 flex h-11 items-center gap-2 border-b border-line bg-panel px-3">
      <DeploymentPicker />
      <RangePicker />
      <div className="flex-1" />
      <ExportButton />
      <PostmortemButton />
      <FreezeButton />
      <PauseButton />
      <button
        type="button"
        className="control w-8 px-0"
        onClick={toggleTheme}
        aria-label={isDark ? 'Light theme' : 'Dark theme'}
        title={`${isDark ? 'Light' : 'Dark'} theme (t)`}
      >
        {isDark ? <SunIcon size={15} aria-hidden /> : <MoonIcon size={15} aria-hidden />}
      </button>
      <button
        type="button"
        className="control w-8 px-0"
        onClick={() => openHelp(true)}
        aria-label="Help"
        title="Keyboard and help (?)"
      >
        <CircleHelpIcon size={15} aria-hidden />
      </button>
    </header>
  );
}

function DeploymentPicker() {
  const { deployments, deployment, update } = useDashboard();
  const known = deployments ?? [];
  const isMissing = deployment !== null && !known.some(({ id }) => id === deployment);
  return (
    <select
      aria-label="Deployment"
      title="Deployment"
      className="control max-w-44 min-w-24 shrink justify-start overflow-hidden text-ellipsis"
      value={deployment ?? ''}
      disabled={known.length === 0 && !isMissing}
      onChange={(event) => update({ deployment: event.target.value, layer: null })}
    >
      {deployment === null && <option value="">no deployment</option>}
      {isMissing && <option value={deployment}>{deployment}</option>}
      {known.map(({ id, topology }) => (
        <option key={id} value={id}>
          {topology === '' ? id : `${id} · ${topology}`}
        </option>
      ))}
    </select>
  );
}

/** Says whether the page moves, and stops or starts it. */
function PauseButton() {
  const { state } = useDashboard();
  const { paused, state: live } = useLive();
  const isFixed = state.range.kind === 'absolute';
  const status = isFixed
    ? 'fixed'
    : paused
      ? 'paused'
      : state.range.kind !== 'live'
        ? 'refreshing'
        : live.connection === 'open'
          ? 'live'
          : live.connection;
  return (
    <button
      type="button"
      className="control w-28"
      disabled={isFixed}
      aria-pressed={paused}
      onClick={() => liveStore.setPaused(!paused)}
      title={isFixed ? 'A fixed window does not move' : `${paused ? 'Resume' : 'Pause'} (space)`}
    >
      {paused ? <PlayIcon size={14} aria-hidden /> : <PauseIcon size={14} aria-hidden />}
      <span aria-live="polite" data-testid="live-status">
        {status}
      </span>
    </button>
  );
}
