/** Alerting on the admin port: what is known now, and every change of it. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Refusable } from '#collector/alert/refusal.ts';
import type { ListedRule, RulesAnswer } from '#lib/api/alert-rules.ts';
import type { AlertJson, Alerts, Receivers, ReceiverTest, SilenceJson } from '#lib/api/alerts.ts';
import { problem } from '#lib/api/problem.ts';
import { authorizing } from './authorize.ts';
import { sendProblem, sendStarting } from './problem-reply.ts';

/** What the routes ask of the alert service. Changes resolve when they are on disk. */
export interface AlertDesk {
  alerts(): Alerts;
  rules(): RulesAnswer;
  acknowledge(body: unknown): Promise<Refusable<AlertJson>>;
  putRule(body: unknown, basedOn: number | null | undefined): Promise<Refusable<ListedRule>>;
  deleteRule(name: string): Promise<Refusable<null>>;
  putSilence(body: unknown): Promise<Refusable<SilenceJson>>;
  expireSilence(id: string): Promise<Refusable<null>>;
  receivers(): Receivers;
  testReceiver(body: unknown): Promise<Refusable<ReceiverTest>>;
}

export interface AlertRouteOptions {
  /** null while the collector starts. */
  readonly alerts: () => AlertDesk | null;
  /** Bearer token of runtime.json. */
  readonly adminToken: string;
}

export function addAlertRoutes(server: FastifyInstance, options: AlertRouteOptions): void {
  const preHandler = authorizing(options.adminToken);
  const change = { preHandler };

  const reading = (path: string, read: (desk: AlertDesk) => unknown): void => {
    server.get(path, async (_request, reply) => {
      const desk = options.alerts();
      if (desk === null) return sendStarting(reply);
      return reply.header('Cache-Control', 'no-store').send(read(desk));
    });
  };
  reading('/api/alerts', (desk) => desk.alerts());
  reading('/api/alerts/rules', (desk) => desk.rules());
  reading('/api/alerts/receivers', (desk) => desk.receivers());

  const changing = (
    reply: FastifyReply,
    work: (desk: AlertDesk) => Promise<Refusable<unknown>>,
  ): Promise<FastifyReply> | FastifyReply => {
    const desk = options.alerts();
    return desk === null ? sendStarting(reply) : answer(reply, work(desk));
  };
  server.post('/api/alerts/acknowledge', change, (request, reply) =>
    changing(reply, (desk) => desk.acknowledge(request.body)),
  );
  server.put<{ Querystring: { basedOn?: string } }>(
    '/api/alerts/rules',
    change,
    (request, reply) => {
      const basedOn = versionOf(request.query.basedOn);
      if (basedOn !== 'wrong') {
        return changing(reply, (desk) => desk.putRule(request.body, basedOn));
      }
      const detail = 'basedOn: write changedUnixMs of the rule that was edited, or "none".';
      return sendProblem(reply, problem('bad-parameter', detail, 'basedOn'));
    },
  );
  server.post('/api/silences', change, (request, reply) =>
    changing(reply, (desk) => desk.putSilence(request.body)),
  );
  server.post('/api/alerts/receivers/test', change, (request, reply) =>
    changing(reply, (desk) => desk.testReceiver(request.body)),
  );

  server.delete<{ Querystring: { name?: string } }>(
    '/api/alerts/rules',
    change,
    (request, reply) => {
      const { name = '' } = request.query;
      if (name !== '') return changing(reply, (desk) => desk.deleteRule(name));
      return sendProblem(reply, problem('bad-parameter', 'name: which rule?', 'name'));
    },
  );
  server.delete<{ Querystring: { id?: string } }>('/api/silences', change, (request, reply) => {
    const { id = '' } = request.query;
    if (id !== '') return changing(reply, (desk) => desk.expireSilence(id));
    return sendProblem(reply, problem('bad-parameter', 'id: which silence?', 'id'));
  });
}

/** null in the answer: done, and there is nothing to say. */
async function answer(
  reply: FastifyReply,
  work: Promise<Refusable<unknown>>,
): Promise<FastifyReply> {
  const done = await work;
  if (!done.ok) return sendProblem(reply, done.error);
  if (done.value === null) return reply.code(204).send();
  return reply.header('Cache-Control', 'no-store').send(done.value);
}

function versionOf(text: string | undefined): number | null | undefined | 'wrong' {
  if (text === undefined) return undefined;
  if (text === 'none') return null;
  return /^\d{1,15}$/.test(text) ? Number(text) : 'wrong';
}
