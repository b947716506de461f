/**
 * Gives memory back at once. Buffers come faster than the garbage collector finds them: it looks at
 * small objects, and what they hold outside of its heap makes it search again and again.
 */

/** Frees what the view lies in, all of it; nobody may read any of that any more. */
export function releaseMemory({ buffer }: { readonly buffer: ArrayBufferLike }): void {
  if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}

/** Frees a view that has its memory to itself; one that shares it stays. Nobody may read it any more. */
export function releaseOwnMemory(view: Uint8Array): void {
  if (view.byteLength === view.buffer.byteLength) releaseMemory(view);
}
