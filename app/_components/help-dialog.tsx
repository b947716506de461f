'use client';

import { usePathname } from 'next/navigation';
import { keyName, PICTURE_KEYS, SHORTCUTS } from '#lib/view/shortcuts.ts';
import { TIMELINE_KEYS } from '#lib/view/timeline-keys.ts';
import { Modal } from './modal.tsx';

export function HelpDialog({
  open,
  onOpenChange,
}: {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
}) {
  const isTimeline = usePathname() === '/timeline';
  if (!open) return null;
  return (
    <Modal title="Keyboard" onClose={() => onOpenChange(false)}>
      {isTimeline && <TimelineHelp />}
      <table className="w-full">
        <tbody>
          {SHORTCUTS.map((shortcut) => (
            <tr key={shortcut.text} className="border-t border-line">
              <td className="w-32 py-1.5">
                {shortcut.keys.map((key) => (
                  <kbd key={key} className="mr-1">
                    {keyName(key)}
                  </kbd>
                ))}
              </td>
              <td>{shortcut.text}</td>
            </tr>
          ))}
          {PICTURE_KEYS.map(({ keys, text }) => (
            <tr key={text} className="border-t border-line">
              <td className="py-1.5">
                <kbd>{keys}</kbd>
              </td>
              <td>{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="mt-3 text-muted">
        Every figure’s definition and exact value appear when the pointer rests on it. Dragging over
        a trend chart shows that time on the whole page.
      </p>
    </Modal>
  );
}

/** The keys of the page that is open, before those of all pages. */
function TimelineHelp() {
  return (
    <table className="mb-4 w-full" data-testid="timeline-help">
      <caption className="pb-1 text-left font-semibold">Timeline</caption>
      <tbody>
        {TIMELINE_KEYS.map(({ keys, text }) => (
          <tr key={text} className="border-t border-line">
            <td className="w-32 py-1 whitespace-nowrap">
              {keys.map((key) => (
                <kbd key={key} className="mr-1">
                  {key}
                </kbd>
              ))}
            </td>
            <td>{text}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
