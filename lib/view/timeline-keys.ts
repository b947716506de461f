/** The keys of the timeline page, beside those of all pages (shortcuts.ts), for the help dialog. */
import { TIMELINE_OVERLAYS } from './timeline-selection.ts';

export interface TimelineKey {
  readonly keys: readonly string[];
  readonly text: string;
}

export const TIMELINE_KEYS: readonly TimelineKey[] = [
  { keys: ['W', 'S'], text: 'Zoom in, out (or the wheel, or two fingers)' },
  { keys: ['A', 'D'], text: 'Move to earlier, later times (or ← →, or drag)' },
  { keys: ['↑', '↓'], text: 'Scroll the rows (or Alt and the wheel)' },
  { keys: ['Shift', '← → ↑ ↓'], text: 'Walk from event to event, and to the row beside it' },
  { keys: ['F'], text: 'Zoom to what is chosen (or double-click)' },
  { keys: ['0'], text: 'All that is kept' },
  { keys: ['V'], text: 'Choose the time in view as an area (or drag on the axis, or with Shift)' },
  { keys: ['[', ']'], text: 'The step before, after' },
  { keys: ['/'], text: 'Search; Enter or ↓ to the next hit, Shift and Enter or ↑ back' },
  { keys: ['X'], text: 'Follow the flow of the chosen event' },
  { keys: ['N'], text: 'Write a note on what is chosen' },
  { keys: ['R'], text: 'Measure: the next drag is a ruler' },
  { keys: ['H'], text: 'Hide what the filters take away, or show it faintly' },
  { keys: ['L'], text: 'Follow the newest data' },
  ...TIMELINE_OVERLAYS.map(({ key, label }) => ({
    keys: [key.toUpperCase()],
    text: `Overlay: ${label.toLowerCase()}`,
  })),
  { keys: ['Escape'], text: 'Let go: ruler, choice, search' },
];
