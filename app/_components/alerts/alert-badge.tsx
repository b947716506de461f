'use client';

import { badgeOf } from '#lib/view/alert-list.ts';
import { useAlerts } from './use-alerts.ts';

/** How many alerts fire that nobody has dealt with; nothing where there is none. */
export function AlertBadge() {
  const alerts = useAlerts().data?.alerts;
  if (alerts === undefined) return null;
  const { count, severity } = badgeOf(alerts);
  if (count === 0) return null;
  return (
    <span
      data-testid="alert-badge"
      title={`${count} firing`}
      className={`ml-auto min-w-5 rounded-full border px-1 text-center text-tiny leading-4 in-data-[rail=folded]:absolute in-data-[rail=folded]:top-0 in-data-[rail=folded]:right-0 in-data-[rail=folded]:bg-panel ${
        severity === 'critical'
          ? 'border-critical text-critical'
          : severity === 'warning'
            ? 'border-warning text-warning'
            : 'border-accent text-accent'
      }`}
    >
      {count}
      <span className="sr-only"> firing</span>
    </span>
  );
}
