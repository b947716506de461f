import { CircleAlertIcon, InfoIcon, TriangleAlertIcon } from 'lucide-react';
import type { Severity } from '#lib/api/alert-rules.ts';

const LOOKS = {
  critical: { Icon: CircleAlertIcon, colour: 'text-critical' },
  warning: { Icon: TriangleAlertIcon, colour: 'text-warning' },
  info: { Icon: InfoIcon, colour: 'text-accent' },
} as const;

/** Colour, shape and word: never the colour alone. */
export function SeverityMark({
  severity,
  isMuted = false,
  hasWord = true,
}: {
  readonly severity: Severity;
  readonly isMuted?: boolean;
  readonly hasWord?: boolean;
}) {
  const { Icon, colour } = LOOKS[severity];
  return (
    <span className={`whitespace-nowrap ${isMuted ? 'text-muted' : colour}`}>
      <Icon size={13} aria-hidden className={`inline align-[-2px] ${hasWord ? 'mr-1' : ''}`} />
      <span className={hasWord ? '' : 'sr-only'}>{severity}</span>
    </span>
  );
}
