import type { CSSProperties } from 'react';
import {
  type Estimate,
  type IntervalScale,
  intervalText,
  placeOn,
  signedPercent,
} from '#lib/view/interval-scale.ts';

/** An estimate with its interval on a scale with a line at zero. */
export function IntervalMark({
  estimate,
  scale,
  label,
}: {
  readonly estimate: Estimate;
  readonly scale: IntervalScale;
  readonly label: string;
}) {
  const at = (ratio: number): string => `${placeOn(scale, ratio) * 100}%`;
  const { value, low, high } = estimate;
  const width = (placeOn(scale, high) - placeOn(scale, low)) * 100;
  const text = `${label}: ${signedPercent(value)}, nine times in ten ${intervalText(estimate)}`;
  return (
    <div role="img" aria-label={text} title={text} className="min-w-0">
      <div className="relative h-4">
        <div className="absolute inset-x-0 top-2 border-t border-line" />
        <div
          className="absolute inset-y-0 border-l border-muted"
          style={{ left: at(0) } as CSSProperties}
        />
        <div
          className="absolute top-1 h-2 rounded-xs bg-accent opacity-45"
          style={{ left: at(low), width: `max(2px, ${width}%)` }}
        />
        <div
          className="absolute inset-y-0.5 w-1 -translate-x-1/2 rounded-xs bg-text"
          style={{ left: at(value) }}
        />
      </div>
      <div className="relative h-3.5 text-tiny text-muted" aria-hidden="true">
        <span className="absolute left-0">{scale.from < 0 ? signedPercent(scale.from) : '0'}</span>
        <span className="absolute right-0">{signedPercent(scale.to)}</span>
      </div>
    </div>
  );
}
