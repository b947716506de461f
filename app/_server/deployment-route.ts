/** The routes under /api/v1/deployments/{id} that ask one question about a window of time. */
import type {
  DeploymentQuestion,
  FrameBytes,
  JsonText,
  QuestionKind,
  Questions,
} from '#lib/query/questions.ts';
import { queryParameters, RequestError } from './request-parameters.ts';
import { answering, jsonAnswer } from './respond.ts';
import { services } from './services.ts';

export interface DeploymentContext {
  readonly params: Promise<{ readonly id: string }>;
}

type WindowQuestion = {
  [K in QuestionKind]: Questions[K]['question'] extends DeploymentQuestion
    ? Questions[K]['answer'] extends JsonText | FrameBytes
      ? never
      : K
    : never;
}[QuestionKind];

export function deploymentRoute(
  kind: WindowQuestion,
): (request: Request, context: DeploymentContext) => Promise<Response> {
  return (request, context) =>
    answering(async () => {
      const { from, to } = queryParameters(request, ['from', 'to']);
      const deployment = await deploymentId(request, context);
      const question = { deployment, from, to };
      return jsonAnswer(await services().pool.ask(kind, question, Date.now(), request.signal));
    });
}

/**
 * The deployment that the path names, decoded once from the URL itself: Next hands parameters over
 * decoded or not, depending on the way, and a name may hold a `%`.
 */
export async function deploymentId(request: Request, context: DeploymentContext): Promise<string> {
  const inPath = /\/api\/v1\/deployments\/([^/]+)\//.exec(new URL(request.url).pathname);
  const encoded = inPath?.[1] ?? (await context.params).id;
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new RequestError('bad-parameter', 'The deployment in the path is badly encoded.', 'id');
  }
}
