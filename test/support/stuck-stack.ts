/** Where a process stands that answers to nothing: asked by its inspector, which has a thread of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { inspectorPort } from './inspector-port.ts';

const ANSWER_WITHIN_MS = 5000;
const FRAMES = 12;

const targets = z.array(z.object({ webSocketDebuggerUrl: z.string() })).min(1);
const parsed = z.object({
  method: z.literal('Debugger.scriptParsed'),
  params: z.object({ scriptId: z.string(), url: z.string() }),
});

const paused = z.object({
  method: z.literal('Debugger.paused'),
  params: z.object({
    callFrames: z.array(
      z.object({
        functionName: z.string(),
        location: z.object({ scriptId: z.string(), lineNumber: z.number() }),
      }),
    ),
  }),
});

/**
 * The calls that JavaScript of process `pid` is in, the innermost first; lines are those of the code as it
 * was transformed. Rejects where it does not answer.
 */
export async function stackOf(pid: number): Promise<string[]> {
  process.kill(pid, 'SIGUSR1');
  const socket = new WebSocket(await inspectorUrl(inspectorPort(pid)));
  try {
    return await new Promise((resolve, reject) => {
      const none = () => reject(new Error('its inspector does not answer'));
      const timer = setTimeout(none, ANSWER_WITHIN_MS);
      socket.onerror = none;
      socket.onopen = () => {
        socket.send(JSON.stringify({ id: 1, method: 'Debugger.enable' }));
        socket.send(JSON.stringify({ id: 2, method: 'Debugger.pause' }));
      };
      const urls = new Map<string, string>();
      socket.onmessage = ({ data }) => {
        const message: unknown = JSON.parse(String(data));
        const script = parsed.safeParse(message).data?.params;
        if (script !== undefined) urls.set(script.scriptId, script.url);
        const frames = paused.safeParse(message).data?.params.callFrames;
        if (frames === undefined) return;
        clearTimeout(timer);
        resolve(
          frames.slice(0, FRAMES).map(({ functionName, location: { scriptId, lineNumber } }) => {
            return `at ${functionName || '(anonymous)'} (${urls.get(scriptId)}:${lineNumber + 1})`;
          }),
        );
      };
    });
  } finally {
    socket.close();
  }
}

async function inspectorUrl(port: number): Promise<string> {
  const endMs = Date.now() + ANSWER_WITHIN_MS;
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/json/list`);
      return targets.parse(await response.json())[0]!.webSocketDebuggerUrl;
    } catch (cause) {
      if (Date.now() > endMs) {
        const why = `no inspector on port ${port}: the process is not in JavaScript, or the port is taken`;
        throw new Error(why, { cause });
      }
    }
    await sleep(100);
  }
}
