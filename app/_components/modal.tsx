'use client';

import { XIcon } from 'lucide-react';
import { Dialog } from 'radix-ui';
import { type ReactNode, useState } from 'react';

/**
 * A dialog over the page: Escape or a click beside it closes it, the focus stays inside, and goes back
 * to where it was before.
 */
export function Modal({
  title,
  onClose,
  children,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  // No trigger of the library opens it, so that it would leave the focus nowhere.
  const [before] = useState(() => document.activeElement);
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-black/50" />
        <Dialog.Content
          aria-describedby={undefined}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            if (before instanceof HTMLElement && before.isConnected) before.focus();
          }}
          className="panel fixed top-1/2 left-1/2 z-50 max-h-[90vh] w-[560px] max-w-[95vw] -translate-x-1/2 -translate-y-1/2 overflow-auto p-4"
        >
          <div className="mb-3 flex items-center justify-between gap-3">
            <Dialog.Title className="text-lead font-semibold">{title}</Dialog.Title>
            <Dialog.Close className="control" aria-label="Close">
              <XIcon size={14} aria-hidden />
            </Dialog.Close>
          </div>
          {children}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
