/** `POST` and `DELETE /api/annotations`: what the web and the command line ask to be written. */
import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { type AnnotationJson, annotationRequestSchema } from '#lib/api/annotations.ts';
import { problem } from '#lib/api/problem.ts';
import { unixNanos, unixNanosFromMs } from '#lib/base/units.ts';
import type { Annotation, StateStore } from '#lib/store/state-store.ts';
import { authorizing } from './authorize.ts';
import { sendProblem, sendStarting } from './problem-reply.ts';

export type AnnotationWriter = Pick<StateStore, 'putAnnotation' | 'deleteAnnotation'>;

export interface AnnotationRouteOptions {
  /** null while the collector starts. */
  readonly state: () => AnnotationWriter | null;
  /** Bearer token of runtime.json. */
  readonly adminToken: string;
  readonly nowUnixMs: () => number;
}

export function addAnnotationRoutes(server: FastifyInstance, options: AnnotationRouteOptions) {
  const authorize = authorizing(options.adminToken);

  server.post('/api/annotations', { preHandler: authorize }, async (request, reply) => {
    const parsed = annotationRequestSchema.safeParse(request.body);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      const parameter = issue?.path.join('.') ?? '';
      const detail = `${parameter === '' ? 'The body' : parameter}: ${issue?.message ?? 'wrong'}`;
      return sendProblem(reply, problem('bad-parameter', detail, parameter));
    }
    const { id, deployment, fromUnixNs, toUnixNs, author, text } = parsed.data;
    const annotation: Annotation = {
      id: id ?? randomUUID(),
      deployment,
      fromUnixNs: unixNanos(BigInt(fromUnixNs)),
      toUnixNs: unixNanos(BigInt(toUnixNs ?? fromUnixNs)),
      author,
      text,
      createdUnixNs: unixNanosFromMs(options.nowUnixMs()),
    };
    if (annotation.toUnixNs < annotation.fromUnixNs) {
      return sendProblem(
        reply,
        problem('bad-parameter', 'toUnixNs must not lie before fromUnixNs.', 'toUnixNs'),
      );
    }
    const state = options.state();
    if (state === null) return sendStarting(reply);
    await state.putAnnotation(annotation);
    return reply.code(201).send(annotationJson(annotation));
  });

  server.delete<{ Querystring: { id?: string } }>(
    '/api/annotations',
    { preHandler: authorize },
    async (request, reply) => {
      const { id } = request.query;
      if (typeof id !== 'string' || id === '') {
        return sendProblem(reply, problem('bad-parameter', 'id: which annotation?', 'id'));
      }
      const state = options.state();
      if (state === null) return sendStarting(reply);
      const deleted = await state.deleteAnnotation(id);
      if (deleted) return reply.code(204).send();
      return sendProblem(reply, problem('not-found', `There is no annotation ${id}.`, 'id'));
    },
  );
}

function annotationJson(annotation: Annotation): AnnotationJson {
  return {
    ...annotation,
    fromUnixNs: String(annotation.fromUnixNs),
    toUnixNs: String(annotation.toUnixNs),
    createdUnixNs: String(annotation.createdUnixNs),
  };
}
