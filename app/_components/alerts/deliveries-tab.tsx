'use client';

import { useMutation } from '@tanstack/react-query';
import { SendIcon } from 'lucide-react';
import { testReceiver } from '#lib/api/alert-client.ts';
import type { DeliveryJson, Receivers } from '#lib/api/alerts.ts';
import { ageText, instantText } from '#lib/view/format.ts';
import { problemOf } from '../dashboard.tsx';
import { Waiting } from '../skeleton.tsx';
import { CopyLine, ErrorState } from '../states.tsx';
import { useNow } from '../use-now.ts';
import { useDeliveries, useReceivers } from './use-alerts.ts';

/** Who is told, and what became of every message. */
export function DeliveriesTab() {
  const receivers = useReceivers();
  const deliveries = useDeliveries();
  return (
    <>
      {receivers.data === undefined ? (
        receivers.problem === null ? (
          <Waiting heightPx={80} text="Loading receivers" />
        ) : (
          <ErrorState problem={receivers.problem} onRetry={receivers.retry} />
        )
      ) : (
        <ReceiverList answer={receivers.data} />
      )}
      {deliveries.data === undefined ? (
        deliveries.problem === null ? (
          <Waiting heightPx={160} text="Loading deliveries" />
        ) : (
          <ErrorState problem={deliveries.problem} onRetry={deliveries.retry} />
        )
      ) : (
        <DeliveryTable deliveries={deliveries.data.deliveries} />
      )}
    </>
  );
}

function ReceiverList({ answer }: { readonly answer: Receivers }) {
  const { receivers, file, problem } = answer;
  return (
    <section className="panel p-3" aria-label="Receivers" data-testid="receivers">
      <h2 className="panel-title">Receivers</h2>
      {problem !== null && (
        <p role="alert" className="mt-1 break-words text-critical">
          {file === null ? '' : `${file}: `}
          {problem}
        </p>
      )}
      {receivers.length === 0 ? (
        <>
          <p className="mt-1">
            Nobody is told: no receivers are configured. Alerts are evaluated, kept and shown here
            all the same.
          </p>
          <p className="mt-1 text-muted">
            Write a file with receivers and routes (webhook, Slack, PagerDuty, e-mail,
            Alertmanager), name it in the configuration as <code>alerts.receivers</code>, or in the
            environment, and restart:
          </p>
          <CopyLine text="AFDSCOPE_ALERTS_RECEIVERS=receivers.yaml npm start" />
        </>
      ) : (
        <ul className="mt-1">
          {receivers.map(({ name, kinds }) => (
            <Receiver key={name} name={name} kinds={kinds} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Receiver({ name, kinds }: { readonly name: string; readonly kinds: readonly string[] }) {
  const test = useMutation({ mutationFn: () => testReceiver(name) });
  const problem = problemOf(test.error);
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 border-t border-line py-1.5 first:border-t-0">
      <span className="font-semibold">{name}</span>
      <span className="text-muted">{kinds.join(', ')}</span>
      <button
        type="button"
        className="control"
        disabled={test.isPending}
        onClick={() => test.mutate()}
      >
        <SendIcon size={13} aria-hidden /> {test.isPending ? 'Sending…' : 'Send a test message'}
      </button>
      <span aria-live="polite" className="text-small" data-testid="receiver-test">
        {problem !== null && (
          <span className="text-critical">
            {problem.title}: {problem.detail}
          </span>
        )}
        {test.data?.results.map(({ kind, ok, detail }) => (
          <span key={`${kind} ${detail}`} className={`mr-3 ${ok ? '' : 'text-critical'}`}>
            {kind}: {ok ? 'arrived' : 'failed'}
            {detail !== '' && `, ${detail}`}
          </span>
        ))}
      </span>
    </li>
  );
}

function DeliveryTable({ deliveries }: { readonly deliveries: readonly DeliveryJson[] }) {
  const now = useNow(1_000);
  if (deliveries.length === 0) {
    return (
      <section className="panel p-4" data-testid="no-deliveries">
        <h2 className="font-semibold">No message yet</h2>
        <p className="mt-1 text-muted">
          Every message to every receiver is listed here, with its attempts and what was answered.
        </p>
      </section>
    );
  }
  return (
    <section className="panel overflow-x-auto" aria-label="Deliveries">
      <table className="w-full text-small" data-testid="deliveries">
        <thead className="text-muted">
          <tr>
            {['Made', 'Receiver', 'Says', 'State', 'Attempts', 'Last answer', 'Key'].map((name) => (
              <th key={name} scope="col" className="px-2 py-1 text-left font-normal first:pl-3">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {deliveries.map((delivery) => (
            <tr key={delivery.id} className="border-t border-line align-top">
              <td
                className="py-1 pr-2 pl-3 whitespace-nowrap"
                title={instantText(delivery.createdUnixMs).utc}
              >
                {instantText(delivery.createdUnixMs).local}
              </td>
              <td className="px-2 py-1 whitespace-nowrap">
                {delivery.receiver} <span className="text-muted">{delivery.kind}</span>
              </td>
              <td className="px-2 py-1 whitespace-nowrap">
                {delivery.status}, {delivery.alertIds.length}{' '}
                {delivery.alertIds.length === 1 ? 'alert' : 'alerts'}
              </td>
              <td className={`px-2 py-1 whitespace-nowrap ${STATE_COLOUR[delivery.state]}`}>
                {delivery.state}
                {delivery.nextAttemptUnixMs !== null &&
                  delivery.state === 'waiting' &&
                  delivery.attempts > 0 &&
                  `, again in ${ageText(delivery.nextAttemptUnixMs - now)}`}
              </td>
              <td className="px-2 py-1">{delivery.attempts}</td>
              <td className="px-2 py-1 break-words [overflow-wrap:anywhere]">
                {delivery.lastError ?? (delivery.state === 'sent' ? 'accepted' : '–')}
              </td>
              <td className="max-w-40 truncate py-1 pr-3 pl-2" title={delivery.dedupKey}>
                <code>{delivery.dedupKey}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const STATE_COLOUR: Readonly<Record<DeliveryJson['state'], string>> = {
  sent: '',
  waiting: 'text-warning',
  failed: 'text-critical',
};
