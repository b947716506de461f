'use client';

import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { alertSections } from '#lib/view/alert-list.ts';
import { alertSentence, deploymentName } from '#lib/view/alert-words.ts';
import { instantText } from '#lib/view/format.ts';
import { Banner } from '../banner.tsx';
import { useDashboard } from '../dashboard.tsx';
import { useAlerts } from './use-alerts.ts';

/** Something critical fires and nobody has dealt with it: said on every page but its own. */
export function AlertBanner() {
  const { hrefOf } = useDashboard();
  const pathname = usePathname();
  const alerts = useAlerts().data?.alerts;
  if (pathname === '/alerts' || alerts === undefined) return null;
  const critical = alertSections(alerts).firing.filter(
    ({ alert }) => alert.severity === 'critical',
  );
  const [first] = critical;
  if (first === undefined) return null;
  const { alert } = first;
  const since = instantText(alert.firedAtUnixMs ?? alert.startsAtUnixMs).local.slice(11);
  return (
    <Banner severity="critical" word="Alert">
      {alertSentence(alert)} ({deploymentName(alert.deployment)}), since {since}
      {critical.length > 1 && `, and ${critical.length - 1} more critical`}.{' '}
      <Link className="text-accent underline" href={hrefOf('/alerts')} prefetch={false}>
        Alerts
      </Link>
      {alert.incidentId !== null && (
        <>
          {' · '}
          <Link
            className="text-accent underline"
            href={hrefOf(`/incidents/${encodeURIComponent(alert.incidentId)}`)}
            prefetch={false}
          >
            Incident
          </Link>
        </>
      )}
    </Banner>
  );
}
