/** What the paths of the OpenAPI document are put together from. A test holds references to schemas. */
import { COLUMN_FRAME_CONTENT_TYPE } from './column-frame.ts';
import { PROBLEM_CONTENT_TYPE } from './problem.ts';

/** A part of the document; the standard's own rules say what may stand where. */
export type Json = { readonly [key: string]: unknown };

export const TIME =
  'Unix nanoseconds, RFC 3339 with up to nine decimals, or relative to now ("-5m", "now")';

export const windowParameters = [
  queryParameter('from', `Start of the window. ${TIME}.`),
  queryParameter('to', `End of the window, exclusive. ${TIME}.`),
];

export function operation(summary: string, schema: string, parameters: readonly Json[] = []): Json {
  return {
    summary,
    parameters,
    responses: {
      200: { description: 'OK', content: jsonContent(schema) },
      default: problemResponse(),
    },
  };
}

/** One whose answer has an `ETag`. */
export function taggedOperation(
  summary: string,
  schema: string,
  parameters: readonly Json[],
): Json {
  return tagged(summary, jsonContent(schema), parameters);
}

/** One that is answered with a frame of columns (lib/api/column-frame.ts) with such a header. */
export function frameOperation(summary: string, header: string, parameters: readonly Json[]): Json {
  const description = `"AFDF", the length of the header (u32, little-endian), the header as JSON (${header}), then its columns, each padded to 8 bytes.`;
  const schema = { type: 'string', format: 'binary', description };
  return tagged(summary, { [COLUMN_FRAME_CONTENT_TYPE]: { schema } }, parameters);
}

function tagged(summary: string, content: Json, parameters: readonly Json[]): Json {
  const tag = { description: 'Names the answer.', schema: { type: 'string' } };
  const known = {
    name: 'If-None-Match',
    in: 'header',
    description: 'The ETag of an answer; 304 where it is still the same.',
    schema: { type: 'string' },
  };
  return {
    summary,
    parameters: [...parameters, known],
    responses: {
      200: { description: 'OK', headers: { ETag: tag }, content },
      304: { description: 'What the ETag names is still the answer', headers: { ETag: tag } },
      default: problemResponse(),
    },
  };
}

export function problemResponse(): Json {
  return {
    description: 'What is wrong, and what to do (RFC 9457)',
    content: { [PROBLEM_CONTENT_TYPE]: { schema: reference('Problem') } },
  };
}

export function jsonContent(schema: string): Json {
  return { 'application/json': { schema: reference(schema) } };
}

export function reference(schema: string): Json {
  return { $ref: `#/components/schemas/${schema}` };
}

export function queryParameter(name: string, description: string): Json {
  return { name, in: 'query', required: false, description, schema: { type: 'string' } };
}
