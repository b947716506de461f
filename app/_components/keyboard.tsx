'use client';

import { useRouter } from 'next/navigation';
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { type Action, matchShortcut, SEQUENCE_MS } from '#lib/view/shortcuts.ts';
import { useDashboard } from './dashboard.tsx';
import { HelpDialog } from './help-dialog.tsx';
import { hasOpenLayer, isTyping } from './is-typing.ts';
import { liveStore } from './live-store.ts';
import { toggleRail, toggleTheme } from './root-setting.ts';

const HelpContext = createContext<(open: boolean) => void>(() => {});

export function useHelp(): (open: boolean) => void {
  return useContext(HelpContext);
}

/** Listens for the shortcuts of all pages and holds the help dialog. */
export function Keyboard({ children }: { readonly children: ReactNode }) {
  const router = useRouter();
  const { hrefOf } = useDashboard();
  const [isHelpOpen, setHelpOpen] = useState(false);
  const pressed = useRef<{ keys: string[]; atMs: number }>({ keys: [], atMs: 0 });
  const act = useMemo(
    () => (action: Action) => {
      switch (action.kind) {
        case 'go':
          router.push(hrefOf(action.path));
          return;
        case 'pause':
          liveStore.setPaused(!liveStore.shown().paused);
          return;
        case 'help':
          setHelpOpen(true);
          return;
        case 'theme':
          toggleTheme();
          return;
        case 'rail':
          toggleRail();
          return;
      }
    },
    [router, hrefOf],
  );
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (isTyping(event.target) || hasOpenLayer()) return;
      // Space on a button presses the button.
      if (event.key === ' ' && event.target instanceof HTMLElement && isPressable(event.target)) {
        return;
      }
      const { keys, atMs } = pressed.current;
      const recent = event.timeStamp - atMs < SEQUENCE_MS ? keys : [];
      let match = matchShortcut([...recent, event.key]);
      let sequence = [...recent, event.key];
      if (match === null && recent.length > 0) {
        sequence = [event.key];
        match = matchShortcut(sequence);
      }
      pressed.current = { keys: match === 'pending' ? sequence : [], atMs: event.timeStamp };
      if (match === null || match === 'pending') return;
      event.preventDefault();
      act(match);
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, [act]);
  return (
    <HelpContext value={setHelpOpen}>
      {children}
      <HelpDialog open={isHelpOpen} onOpenChange={setHelpOpen} />
    </HelpContext>
  );
}

function isPressable(element: HTMLElement): boolean {
  return element.closest('button, a, summary, [role="button"]') !== null;
}
