'use client';

export default function PageError({
  reset,
}: {
  readonly error: Error;
  readonly reset: () => void;
}) {
  return (
    <div className="p-6" role="alert">
      <h1 className="text-lead font-semibold">This page failed to draw</h1>
      <p className="mt-2 text-muted">
        Data is still being received and stored. Try again; if it stays, reload the page and look at
        the browser’s console.
      </p>
      <button type="button" className="control mt-4" onClick={reset}>
        Try again
      </button>
    </div>
  );
}
