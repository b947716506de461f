'use client';

import {
  ChevronDownIcon,
  ChevronRightIcon,
  ChevronUpIcon,
  EyeIcon,
  EyeOffIcon,
  PinIcon,
  PinOffIcon,
} from 'lucide-react';
import type { ReactNode } from 'react';
import type { TimelineRow } from '#lib/api/timeline-tile.ts';
import { ratioFigure } from '#lib/view/format.ts';
import { roleColour } from '#lib/view/palette.ts';
import {
  type GroupRow,
  moveWorker,
  type RowsLayout,
  toggledIn,
  visibleRows,
  type WorkerRow,
} from '#lib/view/timeline-rows.ts';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';

export const HEADER_PX = 184;
/** Rows beside the window that are there already while it scrolls. */
const SPARE_PX = 200;

/** Names of the rows, left of them; only those in the window are there. */
export function TimelineHeaders({
  layout,
  scrollPx,
  heightPx,
  busyRows,
}: {
  readonly layout: RowsLayout;
  readonly scrollPx: number;
  readonly heightPx: number;
  readonly busyRows: readonly TimelineRow[];
}) {
  const busyOf = new Map(busyRows.map((row) => [row.workerId, row.busyRatio]));
  const shown = visibleRows(layout, Math.max(0, scrollPx - SPARE_PX), heightPx + 2 * SPARE_PX);
  return (
    <ul
      aria-label="Rows"
      className="relative shrink-0 border-r border-line bg-panel"
      style={{ width: HEADER_PX }}
    >
      {shown.map((row) =>
        row.kind === 'group' ? (
          <GroupHeader key={`group ${row.group}`} row={row} />
        ) : (
          <WorkerHeader
            key={row.worker.workerId}
            row={row}
            busyRatio={busyOf.get(row.worker.workerId) ?? null}
          />
        ),
      )}
    </ul>
  );
}

function GroupHeader({ row }: { readonly row: GroupRow }) {
  const store = useTimelineStore();
  const choice = useTimelinePart((state) => state.rows);
  const hidden = choice.hidden.length > 0 && row.hidden > 0;
  return (
    <li
      className="absolute inset-x-0 flex items-center gap-1 border-b border-line bg-raised px-1 text-small"
      style={{ top: row.topPx, height: row.heightPx }}
    >
      <button
        type="button"
        className="flex min-w-0 flex-1 items-center gap-1"
        aria-expanded={!row.isFolded}
        title={row.isFolded ? `Unfold ${row.group}` : `Fold ${row.group}`}
        onClick={() =>
          store.setRows({ ...choice, foldedGroups: toggledIn(choice.foldedGroups, row.group) })
        }
      >
        {row.isFolded ? (
          <ChevronRightIcon size={13} aria-hidden />
        ) : (
          <ChevronDownIcon size={13} aria-hidden />
        )}
        <span
          aria-hidden="true"
          className="h-3 w-0.5 shrink-0"
          style={{ background: roleColour(row.role) }}
        />
        <span className="truncate font-semibold">{row.group}</span>
        <span className="text-tiny text-muted">{row.workers}</span>
      </button>
      {hidden && (
        <Small
          label={`Show the ${row.hidden} hidden of ${row.group}`}
          onClick={() =>
            store.setRows({
              ...choice,
              hidden: choice.hidden.filter((id) => !id.startsWith(`${row.group}/`)),
            })
          }
        >
          <EyeIcon size={12} aria-hidden />
          <span className="text-tiny">{row.hidden}</span>
        </Small>
      )}
    </li>
  );
}

function WorkerHeader({
  row,
  busyRatio,
}: {
  readonly row: WorkerRow;
  readonly busyRatio: number | null;
}) {
  const store = useTimelineStore();
  const choice = useTimelinePart((state) => state.rows);
  const workers = useTimelinePart((state) => state.info.workers);
  const { workerId, host, role } = row.worker;
  const busy = ratioFigure(busyRatio);
  const move = (by: -1 | 1) => store.setRows(moveWorker(workers, choice, workerId, by));
  return (
    <li
      className="group absolute inset-x-0 overflow-hidden pr-1 pl-4 text-small leading-none"
      style={{ top: row.topPx, height: row.heightPx - 1 }}
      title={`${workerId}${host === '' ? '' : ` on ${host}`}, ${busy.value} ${busy.unit} busy in the picture`}
    >
      <span className="flex items-center gap-1.5" style={{ height: row.isOpen ? 20 : '100%' }}>
        <span
          aria-hidden="true"
          className="h-3 w-0.5 shrink-0"
          style={{ background: roleColour(role) }}
        />
        <button
          type="button"
          className="min-w-0 truncate text-left"
          aria-expanded={row.isOpen}
          aria-label={`${workerId}: ${row.isOpen ? 'one band' : 'a band a stream'}`}
          onClick={() => store.setRows({ ...choice, toggled: toggledIn(choice.toggled, workerId) })}
        >
          {workerId}
        </button>
        {row.isPinned && <PinIcon size={10} className="shrink-0 text-accent" aria-label="pinned" />}
        <span className="min-w-0 flex-1 truncate text-tiny text-muted">{host}</span>
        <span
          className="h-1 w-7 shrink-0 bg-line group-focus-within:invisible group-hover:invisible"
          aria-hidden="true"
        >
          <span
            className="block h-full"
            style={{ width: `${(busyRatio ?? 0) * 100}%`, background: roleColour(role) }}
          />
        </span>
        <span className="absolute right-0.5 flex bg-panel opacity-0 group-focus-within:opacity-100 group-hover:opacity-100">
          <Small label={`Move ${workerId} up`} onClick={() => move(-1)}>
            <ChevronUpIcon size={12} aria-hidden />
          </Small>
          <Small label={`Move ${workerId} down`} onClick={() => move(1)}>
            <ChevronDownIcon size={12} aria-hidden />
          </Small>
          <Small
            label={row.isPinned ? `Unpin ${workerId}` : `Pin ${workerId} to the top`}
            onClick={() => store.setRows({ ...choice, pinned: toggledIn(choice.pinned, workerId) })}
          >
            {row.isPinned ? (
              <PinOffIcon size={12} aria-hidden />
            ) : (
              <PinIcon size={12} aria-hidden />
            )}
          </Small>
          <Small
            label={`Hide ${workerId}`}
            onClick={() => store.setRows({ ...choice, hidden: toggledIn(choice.hidden, workerId) })}
          >
            <EyeOffIcon size={12} aria-hidden />
          </Small>
        </span>
      </span>
    </li>
  );
}

function Small({
  label,
  onClick,
  children,
}: {
  readonly label: string;
  readonly onClick: () => void;
  readonly children: ReactNode;
}) {
  return (
    <button
      type="button"
      className="flex items-center gap-0.5 px-0.5 text-muted hover:text-text"
      aria-label={label}
      title={label}
      onClick={onClick}
    >
      {children}
    </button>
  );
}
