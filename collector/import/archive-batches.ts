/** `.afdscope` archives as recordings: checked to the end first, then read again while they are stored. */
import { createHash } from 'node:crypto';
import { ArchiveError } from '#lib/archive/archive-frame.ts';
import type { ArchiveAnnotation, ArchiveManifest } from '#lib/archive/manifest.ts';
import type { ArchivePart } from '#lib/archive/read-archive.ts';
import { unixNanos } from '#lib/base/units.ts';
import { archiveParts, knownReasons } from '#lib/query/archive-file.ts';
import type { Annotation } from '#lib/store/state-store.ts';
import { ContentsTally } from './import-batches.ts';
import { ImportError, type RecordedPart, type Recording } from './recording.ts';
import { type NewNames, renamed, renamedMetrics } from './rename.ts';

/**
 * @throws ImportError where it is damaged, cut off, of a newer version, or names another deployment
 * inside than in its manifest
 */
export async function readArchiveRecording(
  path: string,
  deployment: string | null,
): Promise<Recording> {
  const tally = new ContentsTally();
  let manifest: ArchiveManifest | null = null;
  const notes: ArchiveAnnotation[] = [];
  const names = new Map<string, string>();
  for await (const part of partsOf(path)) {
    if (part.kind === 'manifest') {
      manifest = part.manifest;
      const { deployment: own } = manifest;
      if (deployment !== null && deployment !== own) names.set(own, deployment);
    } else if (part.kind === 'annotations') notes.push(...part.annotations);
    else {
      const recorded = recordedPart(part, names);
      if (recorded === null) continue;
      if ('table' in recorded) tally.add(recorded.table);
      else tally.addMetrics(recorded.metrics);
    }
  }
  if (manifest === null) throw new ImportError('the archive has no manifest');
  const name = deployment ?? manifest.deployment;
  const window = {
    fromUnixNs: unixNanos(BigInt(manifest.window.fromUnixNs)),
    toUnixNs: unixNanos(BigInt(manifest.window.toUnixNs)),
  };
  const rejected = knownReasons(manifest.rejected);
  return {
    tally,
    rejected: Object.keys(rejected).length === 0 ? new Map() : new Map([[name, rejected]]),
    annotations: notes.map((note) => annotationOf(note, name, names.size > 0)),
    windows: new Map([[name, window]]),
    parts: async function* (): AsyncGenerator<RecordedPart> {
      for await (const part of partsOf(path)) {
        const recorded = recordedPart(part, names);
        if (recorded !== null) yield recorded;
      }
    },
  };
}

/** @throws ImportError */
async function* partsOf(path: string): AsyncGenerator<ArchivePart> {
  try {
    yield* archiveParts(path);
  } catch (error) {
    if (error instanceof ArchiveError) throw new ImportError(error.message);
    throw error;
  }
}

function recordedPart(part: ArchivePart, names: NewNames): RecordedPart | null {
  switch (part.kind) {
    case 'events':
    case 'steps':
      return { table: renamed(part.table, names) };
    case 'metrics':
      return { metrics: renamedMetrics(part.table, names) };
    default:
      return null;
  }
}

/** Under another name the note is another note: the first may be in the same store. */
function annotationOf(note: ArchiveAnnotation, deployment: string, isRenamed: boolean): Annotation {
  const id = isRenamed
    ? createHash('sha256').update(`${note.id}\0${deployment}`).digest('hex').slice(0, 32)
    : note.id;
  return {
    id,
    deployment,
    fromUnixNs: unixNanos(BigInt(note.fromUnixNs)),
    toUnixNs: unixNanos(BigInt(note.toUnixNs)),
    author: note.author,
    text: note.text,
    createdUnixNs: unixNanos(BigInt(note.createdUnixNs)),
  };
}
