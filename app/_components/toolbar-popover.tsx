'use client';

import { Popover } from 'radix-ui';
import type { ReactNode } from 'react';

/** A button of the top bar and the panel that it opens: what it is about stands in its head. */
export function ToolbarPopover({
  name,
  label,
  title,
  icon,
  heading,
  about,
  width,
  disabled,
  isOpen,
  onOpen,
  children,
}: {
  /** Of button and panel, for those who do not see the icon. */
  readonly name: string;
  /** Beside the icon, where there is room. */
  readonly label: string;
  readonly title: string;
  readonly icon: ReactNode;
  readonly heading: string;
  readonly about: ReactNode;
  /** Class of the panel's width. */
  readonly width: string;
  readonly disabled: boolean;
  readonly isOpen: boolean;
  readonly onOpen: (isOpen: boolean) => void;
  readonly children: ReactNode;
}) {
  return (
    <Popover.Root open={isOpen} onOpenChange={onOpen}>
      <Popover.Trigger className="control" disabled={disabled} aria-label={name} title={title}>
        {icon}
        <span className="hidden xl:inline">{label}</span>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="end"
          sideOffset={6}
          className={`panel z-40 max-w-[95vw] p-3 ${width}`}
          aria-label={name}
        >
          <p className="font-semibold">{heading}</p>
          <p className="mb-2 text-small text-muted">{about}</p>
          {children}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
