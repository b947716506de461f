/**
 * Imports: `POST`, `GET` and `DELETE /api/v1/imports`, `POST /api/v1/import`. Recordings that people
 * bring: OTLP files, GPU traces, archives.
 */
import { z } from 'zod';

const unixNs = z.string().regex(/^\d{1,19}$/);
const count = z.number().nonnegative();

/** What one import brought to one deployment. */
export const importedDeploymentSchema = z.object({
  deployment: z.string(),
  /** Open this; for an archive it is the window that was exported. null: metric points only. */
  window: z.object({ fromUnixNs: unixNs, toUnixNs: unixNs }).nullable(),
  events: count,
  points: count,
  /** Distinct steps. */
  steps: count,
  /** Distinct workers. */
  workers: count,
});
export type ImportedDeployment = z.infer<typeof importedDeploymentSchema>;

export const importFileSchema = z.object({
  name: z.string(),
  sizeBytes: count,
  /** Why nothing of this file was taken; null where it was. */
  error: z.string().nullable(),
});

export const IMPORT_STATES = ['receiving', 'waiting', 'running', 'done', 'failed'] as const;

export const importSchema = z.object({
  id: z.string(),
  /**
   * `receiving`: files are coming; `waiting`: for another import; `running`: being read and stored;
   * `failed`: see `error`; what was stored until then is counted and kept.
   */
  state: z.enum(IMPORT_STATES),
  createdUnixMs: z.number(),
  files: z.array(importFileSchema),
  deployments: z.array(importedDeploymentSchema),
  /** Stored by this import, of all deployments. */
  events: count,
  points: count,
  annotations: count,
  /** true: the same files were imported before, and nothing was stored again. */
  duplicate: z.boolean(),
  /** Events that an earlier, unfinished import of the same files had stored. */
  duplicateEvents: count,
  /** Refused or changed, by reason. */
  rejected: z.record(z.string(), count),
  /** What was refused, in words; at most 20. */
  messages: z.array(z.string()),
  /** What a reader should know, such as that senders report under the same name. */
  warnings: z.array(z.string()),
  /** Of GPU traces: what was made of what (docs/kineto.md); null where there are none. */
  recognition: z.unknown(),
  /** While it goes on: of how many bytes (`receiving`) or events (`running`). */
  progress: z
    .object({ what: z.enum(['bytes', 'reading', 'events']), done: count, total: count.nullable() })
    .nullable(),
  error: z.string().nullable(),
});
export type ImportJson = z.infer<typeof importSchema>;

export const importsSchema = z.object({ imports: z.array(importSchema) });
export type ImportsJson = z.infer<typeof importsSchema>;

/** What `DELETE /api/v1/imports` answers. */
export const unpinnedSchema = z.object({
  id: z.string(),
  unpinned: z.number(),
  detail: z.string(),
});
export type Unpinned = z.infer<typeof unpinnedSchema>;

/** Parameters of `POST /api/v1/import`. */
export const IMPORT_PARAMETERS = ['name', 'deployment', 'importId', 'files', 'kernels'] as const;

/** Files of one import. */
export const MAX_IMPORT_FILES = 10_000;
