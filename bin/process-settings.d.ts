export function soundArgs(nodeVersion?: string): readonly string[];
export function compileSoundly(): void;
export function webArgs(nodeVersion?: string): readonly string[];
export function collectorArgs(nodeVersion?: string): readonly string[];
export function withMemoryEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv;
