export const WEB_ARGS: readonly string[];
export function collectorArgs(nodeVersion?: string): readonly string[];
export function withMemoryEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv;
