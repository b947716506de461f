/** The keyboard of the pages: one table for the handler and the help dialog. */

export type Action =
  | { readonly kind: 'go'; readonly path: string }
  | { readonly kind: 'pause' }
  | { readonly kind: 'help' }
  | { readonly kind: 'theme' }
  | { readonly kind: 'rail' };

export interface Shortcut {
  readonly keys: readonly string[];
  readonly text: string;
  readonly action: Action;
}

export const SHORTCUTS: readonly Shortcut[] = [
  { keys: ['g', 'o'], text: 'Go to Overview', action: { kind: 'go', path: '/' } },
  { keys: ['g', 'l'], text: 'Go to Layers', action: { kind: 'go', path: '/layers' } },
  { keys: ['g', 'b'], text: 'Go to Balance', action: { kind: 'go', path: '/balance' } },
  { keys: ['g', 's'], text: 'Go to Stragglers', action: { kind: 'go', path: '/stragglers' } },
  { keys: ['g', 'e'], text: 'Go to Experts', action: { kind: 'go', path: '/experts' } },
  { keys: ['g', 't'], text: 'Go to Timeline', action: { kind: 'go', path: '/timeline' } },
  { keys: ['g', 'c'], text: 'Go to Compare', action: { kind: 'go', path: '/compare' } },
  { keys: ['g', 'a'], text: 'Go to Alerts', action: { kind: 'go', path: '/alerts' } },
  { keys: ['g', 'r'], text: 'Go to Rules', action: { kind: 'go', path: '/rules' } },
  { keys: ['g', 'i'], text: 'Go to Incidents', action: { kind: 'go', path: '/incidents' } },
  { keys: ['g', 'd'], text: 'Go to Deployments', action: { kind: 'go', path: '/deployments' } },
  { keys: ['g', 'h'], text: 'Go to Health', action: { kind: 'go', path: '/health' } },
  { keys: [' '], text: 'Pause or resume', action: { kind: 'pause' } },
  { keys: ['t'], text: 'Dark or light theme', action: { kind: 'theme' } },
  { keys: ['b'], text: 'Fold or unfold the rail', action: { kind: 'rail' } },
  { keys: ['?'], text: 'This help', action: { kind: 'help' } },
];

/** Keys that work inside a picture that has the focus. */
export const PICTURE_KEYS: readonly { readonly keys: string; readonly text: string }[] = [
  { keys: 'W / S', text: 'Ping-pong strip: zoom in, out (or wheel, once it has the focus)' },
  { keys: 'A / D, ← / →', text: 'Ping-pong strip: move' },
  { keys: '0', text: 'Ping-pong strip: the whole step' },
  { keys: '← ↑ → ↓', text: 'Heat map: move the cell; Enter opens the layer' },
  {
    keys: '← ↑ → ↓',
    text: 'Matrix: move the cell (also Home, End, Page keys); Enter marks the worker or layer',
  },
  { keys: '← →', text: 'Stacks of the layers: move the layer; Enter chooses it' },
  { keys: 'Escape', text: 'Close the dialog, or leave the picture' },
];

/** After this long the first key of a sequence is forgotten. */
export const SEQUENCE_MS = 1_200;

/**
 * The action that `keys` (newest last) completes; 'pending' while they begin one; null otherwise.
 */
export function matchShortcut(keys: readonly string[]): Action | 'pending' | null {
  for (const shortcut of SHORTCUTS) {
    if (shortcut.keys.length === keys.length && shortcut.keys.every((key, i) => key === keys[i])) {
      return shortcut.action;
    }
  }
  const begins = SHORTCUTS.some(
    (shortcut) =>
      shortcut.keys.length > keys.length && keys.every((key, i) => key === shortcut.keys[i]),
  );
  return begins ? 'pending' : null;
}

export function keyName(key: string): string {
  return key === ' ' ? 'Space' : key;
}
