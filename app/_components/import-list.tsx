'use client';

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { CheckIcon, LoaderIcon, PinOffIcon, TriangleAlertIcon, XIcon } from 'lucide-react';
import Link from 'next/link';
import { useEffect, useState } from 'react';
import { fetchImports, unpinImport } from '#lib/api/client.ts';
import type { ImportJson } from '#lib/api/imports.ts';
import { bytesFigure, figureText, instantText } from '#lib/view/format.ts';
import { type ImportLine, importLine } from '#lib/view/import-view.ts';
import { problemOf, useDashboard } from './dashboard.tsx';
import { type Upload, uploadStore, useUploads } from './upload-store.ts';

/** More files than that are named once somebody asks. */
const MOST_OPEN = 4;

/** What is on its way, and what came. */
export function ImportList() {
  const uploads = useUploads();
  const client = useQueryClient();
  const { retry } = useDashboard();
  const isSending = uploads.some(({ error }) => error === null);
  const listed = useQuery({
    queryKey: ['imports'],
    queryFn: ({ signal }) => fetchImports({ signal }),
    refetchInterval: (query) => (isSending || isGoing(query.state.data?.imports) ? 700 : 15_000),
  });
  const imports = listed.data?.imports ?? [];
  const states = new Map(imports.map(({ id, state }) => [id, state]));
  // What has all its files is told of by the collector, even while it has not answered the last one.
  const sending = uploads.filter(
    ({ id, error }) => error !== null || (states.get(id) ?? 'receiving') === 'receiving',
  );
  const finished = imports.filter(({ state }) => state === 'done' || state === 'failed').length;
  // A finished import is a new deployment in the table.
  useEffect(() => {
    if (finished > 0) retry();
  }, [finished, retry]);
  const problem = problemOf(listed.error);
  return (
    <section className="panel" aria-label="Imports">
      <header className="px-3 pt-2 pb-1">
        <h2 className="panel-title">Imports</h2>
      </header>
      {problem !== null && (
        <p role="alert" className="px-3 pb-2 text-warning">
          {problem.title}: {problem.detail}
        </p>
      )}
      {problem === null && listed.data !== undefined && imports.length + uploads.length === 0 && (
        <p className="px-3 pb-3 text-muted" data-testid="no-imports">
          Nothing was imported yet. What is dropped here is listed with what was recognised in it.
        </p>
      )}
      <ul data-testid="imports">
        {sending.map((upload) => (
          <UploadRow key={upload.id} upload={upload} />
        ))}
        {imports
          .filter(({ id, state }) => state !== 'receiving' || uploads.every((one) => one.id !== id))
          .map((one) => (
            <ImportRow
              key={one.id}
              one={one}
              onChange={() => {
                void client.invalidateQueries({ queryKey: ['imports'] });
                retry();
              }}
            />
          ))}
      </ul>
    </section>
  );
}

function isGoing(imports: readonly ImportJson[] | undefined): boolean {
  return imports?.some(({ state }) => state !== 'done' && state !== 'failed') === true;
}

function UploadRow({ upload }: { readonly upload: Upload }) {
  const { id, names, sizeBytes, sentBytes, error } = upload;
  const title = names.length > 2 ? `${names[0]} and ${names.length - 1} more` : names.join(', ');
  return (
    <li className="border-t border-line px-3 py-2" data-testid="upload">
      <div className="flex flex-wrap items-center gap-x-3">
        <StateIcon word={error === null ? 'receiving' : 'failed'} />
        <span className="font-semibold break-all">{title}</span>
        {error === null ? (
          <span className="text-muted">
            sending {figureText(bytesFigure(sentBytes))} of {figureText(bytesFigure(sizeBytes))}
          </span>
        ) : (
          <button type="button" className="control ml-auto" onClick={() => uploadStore.forget(id)}>
            <XIcon size={13} aria-hidden /> Dismiss
          </button>
        )}
      </div>
      {error === null ? (
        <Bar share={sizeBytes === 0 ? null : sentBytes / sizeBytes} />
      ) : (
        <p role="alert" className="mt-1 text-critical">
          {error}
        </p>
      )}
    </li>
  );
}

function ImportRow({ one, onChange }: { readonly one: ImportJson; readonly onChange: () => void }) {
  const line = importLine(one);
  const { hrefOf } = useDashboard();
  const created = instantText(one.createdUnixMs);
  return (
    <li className="border-t border-line px-3 py-2" data-testid="import">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <StateIcon word={line.word} />
        <span className="font-semibold break-all">{line.title}</span>
        <span className="text-muted" title={created.utc}>
          {created.local}
        </span>
        <span>{line.summary}</span>
        <span className="ml-auto flex flex-wrap items-center gap-1">
          {line.opens.map(({ deployment, range }) => (
            <span key={deployment} className="flex items-center gap-1">
              <Link className="control" href={hrefOf('/', { deployment, range })}>
                Open {deployment}
              </Link>
              <Link className="control" href={hrefOf('/timeline', { deployment, range })}>
                Timeline
              </Link>
            </span>
          ))}
          {line.isOver && <Unpin line={line} onChange={onChange} />}
        </span>
      </div>
      {!line.isOver && <Bar share={line.progress} />}
      {line.problems.map((text) => (
        <p key={text} role="alert" className="mt-1 break-words text-critical">
          {text}
        </p>
      ))}
      {line.leftOut.length > 0 && <LeftOut files={line.leftOut} />}
      {line.notes.map((text) => (
        <p key={text} className="mt-1 break-words text-warning">
          {text}
        </p>
      ))}
      {line.recognised.length > 0 && (
        <details className="mt-1 text-small">
          <summary className="text-muted">What was recognised</summary>
          <ul className="mt-1 list-disc pl-5">
            {line.recognised.map((text) => (
              <li key={text} className="break-words">
                {text}
              </li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}

/** Asks once: what retention deletes does not come back. */
function Unpin({ line, onChange }: { readonly line: ImportLine; readonly onChange: () => void }) {
  const [isAsked, setAsked] = useState(false);
  const [said, setSaid] = useState<string | null>(null);
  const isEmpty = line.opens.length === 0;
  const unpin = (): void => {
    setAsked(false);
    unpinImport(line.id).then(
      ({ detail }) => {
        setSaid(detail);
        onChange();
      },
      (error: Error) => setSaid(error.message),
    );
  };
  if (said !== null) return <span className="text-muted">{said}</span>;
  if (isEmpty) {
    return (
      <button type="button" className="control" onClick={unpin}>
        <XIcon size={13} aria-hidden /> Dismiss
      </button>
    );
  }
  if (!isAsked) {
    return (
      <button
        type="button"
        className="control"
        title="Give its events back to retention"
        onClick={() => setAsked(true)}
      >
        <PinOffIcon size={13} aria-hidden /> Unpin
      </button>
    );
  }
  return (
    <span className="flex items-center gap-1">
      <span className="text-warning">Retention will delete it.</span>
      <button type="button" className="control" onClick={unpin}>
        Unpin it
      </button>
      <button type="button" className="control" onClick={() => setAsked(false)}>
        Keep
      </button>
    </span>
  );
}

/** Why each file that is missing is missing. */
function LeftOut({ files }: { readonly files: ImportLine['leftOut'] }) {
  const [first] = files;
  const text =
    files.length === 1
      ? 'Nothing was taken of one file'
      : `Nothing was taken of ${files.length} files`;
  const isSame = files.every(({ reason }) => reason === first?.reason);
  return (
    <details className="mt-1" open={files.length <= MOST_OPEN} data-testid="left-out">
      <summary className="text-critical">
        {text}
        {isSame && files.length > MOST_OPEN && `: ${first?.reason}`}
      </summary>
      <ul className="mt-1 list-disc pl-5">
        {files.map(({ name, reason }) => (
          <li key={`${name} ${reason}`} className="break-words">
            <span className="font-semibold">{name}</span>
            <span className="text-muted">: {reason}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function StateIcon({ word }: { readonly word: ImportLine['word'] }) {
  const isBad = word === 'failed' || word === 'partly';
  const Icon = isBad ? TriangleAlertIcon : word === 'done' ? CheckIcon : LoaderIcon;
  return (
    <span className={word === 'failed' ? 'text-critical' : isBad ? 'text-warning' : ''}>
      <Icon size={13} className="mr-1 inline" aria-hidden />
      {word === 'partly' ? 'partly imported' : word}
    </span>
  );
}

function Bar({ share }: { readonly share: number | null }) {
  const percent = share === null ? undefined : Math.round(share * 100);
  return (
    <div
      role="progressbar"
      aria-label="Progress"
      aria-valuemin={0}
      aria-valuemax={100}
      {...(percent === undefined ? {} : { 'aria-valuenow': percent })}
      className="mt-1.5 h-1.5 rounded-box bg-raised"
    >
      <div className="h-full rounded-box bg-accent" style={{ width: `${percent ?? 5}%` }} />
    </div>
  );
}
