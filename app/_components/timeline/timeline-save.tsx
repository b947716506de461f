'use client';

import { viewText } from '#lib/view/timeline-axis.ts';
import { stageKeys } from '#lib/view/timeline-filter-view.ts';
import { SaveMenu } from '../save-menu.tsx';
import { AXIS_PX } from './paint-axis.ts';
import { useTimelineStore } from './timeline-context.tsx';
import type { TimelinePicture } from './timeline-picture.ts';
import { SHEET_NAMES_PX } from './timeline-sheet.ts';

/** Saves what the timeline's window shows, with the names of its rows, as PNG. */
export function TimelineSave({ picture }: { readonly picture: TimelinePicture | null }) {
  const store = useTimelineStore();
  return (
    <SaveMenu
      title="the timeline"
      hasSvg={false}
      windowText={() => `UTC ${viewText(store.view, 0)}`}
      picture={() => {
        const { info, filters } = store.state();
        const sheet = picture?.sheet() ?? null;
        if (picture === null || sheet === null) return null;
        return {
          name: `timeline-${store.view.fromUnixNs}`,
          title: 'Timeline',
          legend: stageKeys(info.stages, filters)
            .filter(({ isShown }) => isShown)
            .map(({ stage, look }) => ({ name: stage, colour: look.colour, look: 'filled' })),
          widthPx: SHEET_NAMES_PX + picture.widthPx,
          heightPx: AXIS_PX + picture.heightPx,
          body: { canvases: () => [sheet] },
        };
      }}
    />
  );
}
