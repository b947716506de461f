'use client';

/**
 * Files on their way to the collector. They go on while pages change; one file after the other, all
 * files of one drop as one import. What became of them, `GET /api/v1/imports` tells.
 */
import { useSyncExternalStore } from 'react';
import { importSchema } from '#lib/api/imports.ts';
import { problemSchema } from '#lib/api/problem.ts';

export interface Upload {
  readonly id: string;
  readonly names: readonly string[];
  readonly sizeBytes: number;
  readonly sentBytes: number;
  /** Why it could not be sent, or was refused; null: nothing is wrong so far. */
  readonly error: string | null;
}

class UploadStore {
  #uploads: readonly Upload[] = [];
  readonly #listeners = new Set<() => void>();

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  uploads = (): readonly Upload[] => this.#uploads;

  /** Sends them as one import; resolves when that is over, or failed. */
  async send(files: readonly File[]): Promise<void> {
    if (files.length === 0) return;
    const id = crypto.randomUUID();
    const sizeBytes = files.reduce((sum, { size }) => sum + size, 0);
    const names = files.map(({ name }) => name);
    this.#set([{ id, names, sizeBytes, sentBytes: 0, error: null }, ...this.#uploads]);
    let before = 0;
    for (const file of files) {
      const error = await sendFile(id, file, files.length, (sent) =>
        this.#change(id, { sentBytes: before + sent }),
      );
      if (error !== null) {
        this.#change(id, { error });
        return;
      }
      before += file.size;
    }
    this.forget(id);
  }

  forget(id: string): void {
    this.#set(this.#uploads.filter((one) => one.id !== id));
  }

  #change(id: string, change: Partial<Upload>): void {
    this.#set(this.#uploads.map((one) => (one.id === id ? { ...one, ...change } : one)));
  }

  #set(uploads: readonly Upload[]): void {
    this.#uploads = uploads;
    for (const listener of this.#listeners) listener();
  }
}

export const uploadStore = new UploadStore();

const NONE: readonly Upload[] = [];

export function useUploads(): readonly Upload[] {
  return useSyncExternalStore(uploadStore.subscribe, uploadStore.uploads, () => NONE);
}

/** null: the collector has it. `fetch` cannot tell how much was sent. */
function sendFile(
  importId: string,
  file: File,
  files: number,
  sent: (bytes: number) => void,
): Promise<string | null> {
  const search = new URLSearchParams({ name: file.name, importId, files: String(files) });
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/api/v1/import?${search}`);
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.upload.onprogress = (event) => sent(event.loaded);
    request.onerror = () => resolve(`${file.name}: the connection broke off; send it again`);
    request.onload = () => resolve(request.status < 400 ? null : refusal(request.responseText));
    request.send(file);
  });
}

/** An import that failed tells of itself in the list; what never became one is told here. */
function refusal(body: string): string | null {
  try {
    const value: unknown = JSON.parse(body);
    const isListed =
      typeof value === 'object' &&
      value !== null &&
      'import' in value &&
      importSchema.safeParse(value.import).success;
    if (isListed) return null;
    return problemSchema.safeParse(value).data?.detail ?? 'the server refused the file';
  } catch {
    return 'the server refused the file';
  }
}
