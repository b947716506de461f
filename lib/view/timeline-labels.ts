/** What stands in a box of the timeline, where it is wide enough. */

/** Width of a character of the labels' font, on average. */
const CHARACTER_PX = 6.1;
const PADDING_PX = 8;
/** A box narrower than this has no label. */
export const LEAST_LABEL_PX = CHARACTER_PX + PADDING_PX;

/** The longest of the forms that fits; '' where none does. -1: no layer, no micro-batch. */
export function boxLabel(
  stage: string,
  layer: number,
  microbatch: number,
  widthPx: number,
): string {
  const room = Math.floor((widthPx - PADDING_PX) / CHARACTER_PX);
  if (room < 1) return '';
  const where = layer < 0 ? '' : ` L${layer}`;
  const batch = microbatch < 0 ? '' : ` · ${microbatch}`;
  const forms = [
    `${stage}${where}${batch}`,
    `${stage}${batch}`,
    `L${layer}${batch}`,
    microbatch < 0 ? '' : String(microbatch),
  ];
  if (layer < 0) forms.splice(2, 1);
  return forms.find((form) => form.length <= room) ?? '';
}
