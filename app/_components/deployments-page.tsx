'use client';

import { UploadIcon } from 'lucide-react';
import { useRef } from 'react';
import { deploymentRows } from '#lib/view/deployment-rows.ts';
import { useDashboard } from './dashboard.tsx';
import { DeploymentTable } from './deployment-table.tsx';
import { ImportList } from './import-list.tsx';
import { PageSkeleton } from './skeleton.tsx';
import { CopyLine, ErrorState } from './states.tsx';
import { uploadStore } from './upload-store.ts';
import { useNow } from './use-now.ts';

/** Which deployments there are, and the way to bring others. */
export function DeploymentsPage() {
  const { deployments, problem, retry } = useDashboard();
  const now = useNow(5_000);
  if (problem !== null) return <ErrorState problem={problem} onRetry={retry} />;
  if (deployments === undefined) return <PageSkeleton />;
  return (
    <div className="flex flex-col gap-3">
      <h1 className="text-lead font-semibold">Deployments</h1>
      {deployments.length === 0 ? (
        <section className="panel p-4" data-testid="no-deployments">
          <h2 className="font-semibold">No deployment yet</h2>
          <p className="mt-1 text-muted">
            Workers that send appear here by themselves. A recording can be brought below, or on the
            command line:
          </p>
          <CopyLine text="npx afdscope import recording.afdscope" />
        </section>
      ) : (
        <DeploymentTable rows={deploymentRows(deployments, now)} />
      )}
      <ImportZone />
      <ImportList />
    </div>
  );
}

function ImportZone() {
  const input = useRef<HTMLInputElement>(null);
  return (
    <section
      className="panel flex flex-wrap items-center gap-x-4 gap-y-2 border-dashed p-4"
      aria-label="Import"
    >
      <button type="button" className="control" onClick={() => input.current?.click()}>
        <UploadIcon size={14} aria-hidden />
        Choose files
      </button>
      <input
        ref={input}
        type="file"
        multiple
        className="sr-only"
        tabIndex={-1}
        aria-label="Recordings"
        onChange={({ target }) => {
          void uploadStore.send([...(target.files ?? [])]);
          target.value = '';
        }}
      />
      <p className="min-w-0 flex-1">
        Drop OTLP, Kineto or .afdscope files here or on any page.{' '}
        <span className="text-muted">
          Plain, .gz or .zst; the files of one run, one a rank, together. Imported windows are kept
          until they are unpinned.
        </span>
      </p>
    </section>
  );
}
