'use client';

import { DownloadIcon } from 'lucide-react';
import { DropdownMenu } from 'radix-ui';
import { useState } from 'react';
import { errorText } from '#lib/base/error-text.ts';
import { rangeText } from '#lib/view/time-range.ts';
import { useDashboard } from './dashboard.tsx';
import { type Picture, pngOf, svgOf } from './picture.ts';
import { useTheme } from './root-setting.ts';
import { saveFile } from './save-file.ts';

/**
 * Saves a picture as PNG at twice its size, as SVG where it can be drawn so, and its figures as CSV.
 * Title, deployment, window and legend go along. `picture` is made when it is asked for.
 */
export function SaveMenu({
  title,
  picture,
  hasSvg = true,
  csv,
  windowText,
}: {
  /** What is saved, as in "Save the heat map". */
  readonly title: string;
  /** null: there is nothing to see yet. */
  readonly picture: () => Picture | null;
  /** false: only a canvas knows how it looks. */
  readonly hasSvg?: boolean;
  /** The figures, with all digits; absent: they are elsewhere. */
  readonly csv?: { readonly name: string; readonly text: () => string };
  /** Which time the picture is of, where it is not the page's. */
  readonly windowText?: () => string;
}) {
  const { deployment, state } = useDashboard();
  const theme = useTheme();
  const [failure, setFailure] = useState<string | null>(null);
  const subtitle = (): string => {
    const saved = new Date().toISOString().slice(0, 19).replace('T', ' ');
    return `${deployment ?? 'no deployment'} · ${windowText?.() ?? rangeText(state.range)} · saved ${saved} UTC`;
  };
  const save = async (kind: 'png' | 'svg'): Promise<void> => {
    const made = picture();
    if (made === null) throw new Error('there is nothing to save yet');
    if (kind === 'png') {
      saveFile(`${made.name}.png`, await pngOf(made, subtitle(), theme), 'image/png');
      return;
    }
    const svg = svgOf(made, subtitle(), theme);
    if (svg !== null) saveFile(`${made.name}.svg`, svg, 'image/svg+xml');
  };
  const tell = (kind: 'png' | 'svg') => {
    setFailure(null);
    save(kind).catch((error: unknown) => {
      setFailure(errorText(error));
    });
  };
  return (
    <>
      <DropdownMenu.Root modal={false}>
        <DropdownMenu.Trigger
          className="shrink-0 text-muted"
          aria-label={`Save ${title}`}
          title={`Save ${title}`}
        >
          <DownloadIcon size={13} aria-hidden />
        </DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content align="end" sideOffset={4} className="panel menu z-40 w-52 py-1">
            <Item text="PNG" note="picture, twice its size" onSelect={() => tell('png')} />
            {hasSvg && <Item text="SVG" note="drawing, any size" onSelect={() => tell('svg')} />}
            {csv !== undefined && (
              <Item
                text="CSV"
                note="its figures"
                onSelect={() => saveFile(`${csv.name}.csv`, csv.text(), 'text/csv')}
              />
            )}
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
      {failure !== null && (
        <span role="alert" className="text-small text-critical">
          Not saved: {failure}
        </span>
      )}
    </>
  );
}

function Item({
  text,
  note,
  onSelect,
}: {
  readonly text: string;
  readonly note: string;
  readonly onSelect: () => void;
}) {
  return (
    <DropdownMenu.Item
      className="flex cursor-pointer items-baseline gap-2 px-3 py-1 outline-none data-highlighted:bg-raised"
      onSelect={onSelect}
    >
      <span className="w-9 font-semibold">{text}</span>
      <span className="text-small text-muted">{note}</span>
    </DropdownMenu.Item>
  );
}
