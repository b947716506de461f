import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { parseReadyLine } from '#collector/supervise/child.ts';
import { problemSchema } from '#lib/api/problem.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

const PRELOAD = new URL('../../../collector/supervise/web-preload.ts', import.meta.url).href;

test('reports where a server listens, and ends it with its parent', async () => {
  const file = join(scratchFolder(), 'server.mjs');
  writeFileSync(
    file,
    `import { createServer } from 'node:http';
     createServer((_req, res) => res.end('page')).listen(0, '127.0.0.1');`,
  );
  const child = spawn(process.execPath, ['--import', PRELOAD, file], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  if (child.stdout === null) throw new Error('no stdout');
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const ready = parseReadyLine(String(line));
  expect(ready).toMatchObject({ ready: true, host: '127.0.0.1' });
  const page = await fetch(`http://127.0.0.1:${ready?.port}/`);
  expect(await page.text()).toBe('page');
  const origin = `http://127.0.0.1:${ready?.port}`;
  const bad = await fetch(`${origin}/api/v1/deployments/%ff/report?from=%ff`);
  expect(bad.status).toBe(400);
  expect(bad.headers.get('content-type')).toBe('application/problem+json');
  expect(problemSchema.parse(await bad.json())).toMatchObject({ status: 400, parameter: 'path' });
  const fine = await fetch(`${origin}/api/v1/deployments/50%25%20%C3%A9/report?from=%ff`);
  expect(await fine.text()).toBe('page');
  child.disconnect();
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
});
