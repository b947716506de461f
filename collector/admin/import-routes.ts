/** `POST /api/import`, `GET` and `DELETE /api/imports`: recordings that people bring. */
import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ImportService } from '#collector/import/import-service.ts';
import { SpoolError } from '#collector/import/spool.ts';
import type { ImportJson } from '#lib/api/imports.ts';
import { problem } from '#lib/api/problem.ts';
import { authorizing } from './authorize.ts';
import { sendProblem, sendStarting } from './problem-reply.ts';

export type Imports = Pick<ImportService, 'receive' | 'list' | 'remove'>;

export interface ImportRouteOptions {
  /** null while the collector starts. */
  readonly imports: () => Imports | null;
  /** Bearer token of runtime.json. */
  readonly adminToken: string;
}

/** Whoever sent the last file waits so long for the end; then it asks `GET /api/imports`. */
const WAIT_MS = 60_000;

interface ImportQuery {
  readonly name?: string;
  readonly deployment?: string;
  readonly importId?: string;
  readonly files?: string;
  readonly kernels?: string;
}

export function addImportRoutes(server: FastifyInstance, options: ImportRouteOptions): void {
  const preHandler = authorizing(options.adminToken);

  // In a scope of its own: here, and only here, bodies of every type are streams.
  server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, body, done) => done(null, body));
    scope.post<{ Querystring: ImportQuery }>(
      '/api/import',
      { onRequest: preHandler, bodyLimit: Number.MAX_SAFE_INTEGER },
      async (request, reply) => {
        const imports = options.imports();
        if (imports === null) return sendStarting(reply);
        const {
          name = '',
          deployment = '',
          importId = '',
          files = '1',
          kernels = '',
        } = request.query;
        if (name === '') {
          const detail = 'name: what is the file called? Its end and its rank may stand there.';
          return sendProblem(reply, problem('bad-parameter', detail, 'name'));
        }
        if (!/^[1-9]\d{0,5}$/.test(files)) {
          return sendProblem(reply, problem('bad-parameter', 'files: how many?', 'files'));
        }
        if (importId !== '' && !/^[\w-]{1,64}$/.test(importId)) {
          const detail = 'importId: letters, digits, - and _, at most 64.';
          return sendProblem(reply, problem('bad-parameter', detail, 'importId'));
        }
        if (deployment.length > 255) {
          const detail = 'deployment: at most 255 characters.';
          return sendProblem(reply, problem('bad-parameter', detail, 'deployment'));
        }
        if (kernels !== '' && (kernels !== '1' || importId === '')) {
          const detail = 'kernels=1 says that the body is a kernel table; it needs an importId.';
          return sendProblem(reply, problem('bad-parameter', detail, 'kernels'));
        }
        const file = {
          name,
          isKernelTable: kernels === '1',
          deployment: deployment === '' ? null : deployment,
          importId: importId === '' ? null : importId,
          files: Number(files),
        };
        const body = (request.body ?? request.raw) as Readable;
        return answering(reply, async () =>
          sendImport(reply, await imports.receive(file, body, WAIT_MS)),
        );
      },
    );
  });

  server.get('/api/imports', async (_request, reply) => {
    const imports = options.imports();
    if (imports === null) return sendStarting(reply);
    return reply.header('Cache-Control', 'no-store').send({ imports: await imports.list() });
  });

  server.delete<{ Querystring: { id?: string } }>(
    '/api/imports',
    { preHandler },
    async (request, reply) => {
      const imports = options.imports();
      if (imports === null) return sendStarting(reply);
      const { id = '' } = request.query;
      if (id === '') return sendProblem(reply, problem('bad-parameter', 'id: which import?', 'id'));
      return answering(reply, async () => {
        const { found, unpinned } = await imports.remove(id);
        if (!found)
          return sendProblem(reply, problem('not-found', `There is no import ${id}.`, 'id'));
        const detail =
          'Unpinned: retention deletes its raw events now, unless they are young enough to stay.';
        return reply.send({ id, unpinned, detail });
      });
    },
  );
}

/** What a file could not be taken for is an answer of its own. */
async function answering(
  reply: FastifyReply,
  work: () => Promise<FastifyReply>,
): Promise<FastifyReply> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SpoolError) return sendProblem(reply, error.problem);
    throw error;
  }
}

/** Done: 201, or 200 where it was there before; not yet: 202; failed: a problem with all that is known. */
function sendImport(reply: FastifyReply, state: ImportJson): FastifyReply {
  if (state.state === 'failed') {
    const isPartial = state.events + state.points > 0;
    const kind = isPartial ? 'internal' : 'unreadable-file';
    const document = { ...problem(kind, state.error ?? 'The import failed.'), import: state };
    return sendProblem(reply, document);
  }
  const status = state.state === 'done' ? (state.duplicate ? 200 : 201) : 202;
  return reply.code(status).header('Cache-Control', 'no-store').send(state);
}
