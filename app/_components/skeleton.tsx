/** The page's shape while its data loads: the same boxes, so that nothing jumps. */
export function FrameSkeleton() {
  return (
    <div className="flex min-h-screen" aria-busy="true">
      <div className="rail h-screen shrink-0 border-r border-line bg-panel" />
      <div className="min-w-0 flex-1">
        <div className="h-11 border-b border-line bg-panel" />
        <div className="p-3">
          <PageSkeleton />
        </div>
      </div>
    </div>
  );
}

export function PageSkeleton() {
  return (
    <div className="flex flex-col gap-3" aria-busy="true">
      <div className="skeleton h-32" />
      <div className="grid grid-cols-2 gap-3">
        <div className="skeleton h-56" />
        <div className="skeleton h-56" />
      </div>
      <div className="skeleton h-80" />
      <div className="skeleton h-72" />
    </div>
  );
}

/** A panel that waits for its data. */
export function Waiting({ heightPx, text }: { readonly heightPx: number; readonly text: string }) {
  return (
    <div
      className="flex items-center justify-center rounded-box border border-dashed border-line text-muted"
      style={{ height: heightPx }}
    >
      {text}
    </div>
  );
}
