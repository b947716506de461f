/** What the main thread and the import thread say to each other. */
import type { ImportJson } from '#lib/api/imports.ts';
import type { ImportJob } from './import-files.ts';
import type { ImportStep, ImportStepAnswer } from './import-steps.ts';

/** Main -> import. */
export type ToImportThread =
  | { readonly type: 'run'; readonly job: ImportJob }
  | {
      readonly type: 'answer';
      readonly id: number;
      readonly answer: ImportStepAnswer | null;
      readonly failure: string | null;
    };

/** Import -> main. */
export type FromImportThread =
  | { readonly type: 'step'; readonly id: number; readonly step: ImportStep }
  | { readonly type: 'progress'; readonly state: ImportJson }
  | { readonly type: 'done'; readonly state: ImportJson };
