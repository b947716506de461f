/** Post-mortem reports as answers: opened in the browser, under a name of their own. */
import type { PostmortemFile } from '#lib/query/questions.ts';

export function reportAnswer(file: PostmortemFile): Response {
  return new Response(file.text, {
    headers: {
      'content-type': file.contentType,
      'content-disposition': `inline; filename="${file.fileName}"`,
      'content-security-policy': file.contentPolicy,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  });
}

/** This server, as the asker sees it. */
export function ownUrl(request: Request): string {
  const { protocol, host } = new URL(request.url);
  return `${protocol}//${request.headers.get('host') ?? host}`;
}
