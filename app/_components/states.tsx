'use client';

import { CheckIcon, CopyIcon, RefreshCwIcon } from 'lucide-react';
import { useState } from 'react';
import type { Problem } from '#lib/api/problem.ts';
import { CONNECT_ATTRIBUTES, connectCommand, DEFAULT_OTLP } from '#lib/view/connect-help.ts';
import { useDashboard } from './dashboard.tsx';

/** No worker has ever sent: what would be here, and the one command that fills it. */
export function EmptyState() {
  const { health } = useDashboard();
  const address = health?.collector.otlpHttp ?? null;
  return (
    <section className="panel mx-auto mt-6 max-w-3xl p-5" data-testid="empty-state">
      <h1 className="text-head font-semibold">No worker has sent anything yet</h1>
      <p className="mt-2">
        This page shows where an AFD cluster’s time goes: bubbles, overlap and utilization of each
        GPU group, live. Start a worker with OpenTelemetry pointed here, and it appears by itself.
      </p>
      <CopyLine text={connectCommand(address)} />
      <p className="mt-3 text-muted">
        {address === null ? (
          <>The collector has not told its address yet; {DEFAULT_OTLP} is the default.</>
        ) : (
          <>
            The collector listens for OTLP/HTTP on <code className="text-text">{address}</code>
            {health?.collector.otlpGrpc != null && (
              <>
                {' '}
                and for OTLP/gRPC on <code className="text-text">{health.collector.otlpGrpc}</code>
              </>
            )}
            . An OpenTelemetry Collector in between is fine.
          </>
        )}
      </p>
      <h2 className="mt-5 mb-1 font-semibold">One span per stage, with these attributes</h2>
      <table className="w-full text-small">
        <tbody>
          {CONNECT_ATTRIBUTES.map(({ name, where, text }) => (
            <tr key={name} className="border-t border-line">
              <td className="py-1 pr-3">
                <code>{name}</code>
              </td>
              <td className="pr-3 text-muted">{where}</td>
              <td>{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="mt-4 text-muted">
        No cluster at hand? <code className="text-text">npm run demo</code> starts a simulated one.
      </p>
    </section>
  );
}

export function CopyLine({ text }: { readonly text: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  return (
    <div className="mt-4 flex items-start gap-2 rounded-box border border-line bg-background p-2">
      <code className="min-w-0 flex-1 break-all text-small">{text}</code>
      <button
        type="button"
        className="control shrink-0"
        onClick={copy}
        aria-label="Copy the command"
      >
        {isCopied ? <CheckIcon size={14} aria-hidden /> : <CopyIcon size={14} aria-hidden />}
        {isCopied ? 'copied' : 'copy'}
      </button>
    </div>
  );
}

/** What failed, what still works, what to do. */
export function ErrorState({
  problem,
  onRetry,
}: {
  readonly problem: Problem;
  readonly onRetry: () => void;
}) {
  return (
    <section role="alert" className="panel mx-auto mt-6 max-w-3xl p-5">
      <h1 className="text-head font-semibold">{problem.title}</h1>
      <p className="mt-2">{problem.detail}</p>
      {problem.status !== 404 && (
        <p className="mt-2 text-muted">
          The collector receives and stores on its own; what it stored while this page could not be
          filled will be here later.
        </p>
      )}
      <button type="button" className="control mt-4" onClick={onRetry}>
        <RefreshCwIcon size={14} aria-hidden /> Try again
      </button>
    </section>
  );
}
