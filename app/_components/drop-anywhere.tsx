'use client';

/** Files may be dropped on every page: they are imported, and the page of deployments opens. */
import { UploadIcon } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useEffect, useState } from 'react';
import { useDashboard } from './dashboard.tsx';
import { uploadStore } from './upload-store.ts';

export function DropAnywhere() {
  const router = useRouter();
  const { hrefOf } = useDashboard();
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    // Every element that is entered is left again.
    let depth = 0;
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
    const onEnter = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth++;
      setOver(true);
    };
    const onLeave = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth = Math.max(0, depth - 1);
      if (depth === 0) setOver(false);
    };
    const onDragOver = (event: DragEvent) => {
      if (hasFiles(event)) event.preventDefault();
    };
    const onDrop = (event: DragEvent) => {
      depth = 0;
      setOver(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length === 0) return;
      void uploadStore.send(files);
      router.push(hrefOf('/deployments'));
    };
    window.addEventListener('dragenter', onEnter);
    window.addEventListener('dragleave', onLeave);
    window.addEventListener('dragover', onDragOver);
    window.addEventListener('drop', onDrop);
    return () => {
      window.removeEventListener('dragenter', onEnter);
      window.removeEventListener('dragleave', onLeave);
      window.removeEventListener('dragover', onDragOver);
      window.removeEventListener('drop', onDrop);
    };
  }, [router, hrefOf]);
  if (!isOver) return null;
  return (
    <div
      className="pointer-events-none fixed inset-2 z-50 flex items-center justify-center rounded-box border-2 border-dashed border-accent bg-background/85"
      data-testid="drop-overlay"
    >
      <p className="flex items-center gap-2 text-lead">
        <UploadIcon size={18} aria-hidden />
        Drop OTLP, Kineto or .afdscope files to import them
      </p>
    </div>
  );
}
