/** What names mean by a kernel table. Each name is asked about once by whoever keeps the answers. */
import { stageCode } from '#lib/model/stages.ts';
import { type Role, STAGES, Stage } from '#lib/table/codes.ts';
import type { AnnotationRule, KernelRule, KernelTable } from './kernel-table.ts';

const MAX_SHORT_NAME = 96;
const COMMUNICATION: ReadonlySet<number> = new Set([
  Stage.a2f_send,
  Stage.a2f_recv,
  Stage.f2a_send,
  Stage.f2a_recv,
]);

/** What a range says; -1 and null where it says nothing of it. */
export interface AnnotationMeaning {
  readonly rule: AnnotationRule;
  /** Place of the rule in the table. */
  readonly ruleIndex: number;
  readonly step: number;
  readonly layer: number;
  readonly microbatch: number;
}

export class NameRules {
  readonly #table: KernelTable;
  readonly #kernels: readonly RegExp[];
  readonly #annotations: readonly RegExp[];

  constructor(table: KernelTable) {
    this.#table = table;
    this.#kernels = table.kernels.map(({ match, flags }) => new RegExp(match, flags));
    this.#annotations = table.annotations.map(({ match, flags }) => new RegExp(match, flags));
  }

  /** The rule of the table that knows a kernel, or null. */
  kernel(name: string, role: Role): KernelRule | null {
    const at = this.#kernels.findIndex(
      (pattern, i) => (this.#table.kernels[i]!.roles?.includes(role) ?? true) && pattern.test(name),
    );
    return at < 0 ? null : this.#table.kernels[at]!;
  }

  annotation(name: string): AnnotationMeaning | null {
    for (let i = 0; i < this.#annotations.length; i++) {
      const found = this.#annotations[i]!.exec(name);
      if (found === null) continue;
      const number = (group: string, max: number): number => {
        const value = Number(found.groups?.[group] ?? -1);
        return value <= max ? value : -1;
      };
      return {
        rule: this.#table.annotations[i]!,
        ruleIndex: i,
        step: number('step', Number.MAX_SAFE_INTEGER),
        layer: number('layer', 65_535),
        microbatch: number('microbatch', 65_535),
      };
    }
    return null;
  }
}

/**
 * The stage that a rule's stage name means on a worker of this role. Where attention and experts share
 * GPUs, nothing crosses between them: what would is a collective.
 */
export function stageOf(name: string, role: Role): string {
  const code = stageCode(name, role);
  if (code < 0) return name;
  const crosses = COMMUNICATION.has(code) && (role === 'colocated' || role === 'prefill');
  return crosses ? 'collective' : STAGES[code]!;
}

/**
 * The scopes and the name in an Itanium-mangled symbol: `_ZN5aiter4norm…` is "aiter::norm". Template
 * arguments and parameters are not looked at; null: no such symbol.
 */
function demangled(symbol: string): string | null {
  const start = /^_ZN?K?(?=\d)/.exec(symbol);
  if (start === null) return null;
  const nested = symbol.startsWith('_ZN');
  const parts: string[] = [];
  let at = start[0].length;
  for (;;) {
    const length = /^\d{1,4}/.exec(symbol.slice(at, at + 4))?.[0];
    if (length === undefined) break;
    at += length.length;
    const part = symbol.slice(at, at + Number(length));
    // Anonymous namespaces have names such as _GLOBAL__N__0a1b.
    if (!part.startsWith('_GLOBAL_')) parts.push(part);
    at += Number(length);
    if (!nested) break;
  }
  return parts.length === 0 ? null : parts.join('::');
}

/** A kernel's name without return type, templates, arguments and anonymous namespaces. */
export function shortKernelName(name: string): string {
  const plain = (demangled(name) ?? name)
    .replaceAll('(anonymous namespace)::', '')
    .replace(/^(?:static |inline |__global__ )*(?:void|float|int) /, '');
  let short = '';
  let depth = 0;
  for (let i = 0; i < plain.length; i++) {
    const letter = plain[i]!;
    if (letter === '<') depth++;
    else if (letter === '>' && plain[i - 1] !== '-') depth = Math.max(0, depth - 1);
    else if (letter === '(' && depth === 0 && short !== '') break;
    else if (depth === 0) short += letter;
    if (short.length >= MAX_SHORT_NAME) break;
  }
  return short.trim() || name.slice(0, MAX_SHORT_NAME).trim() || 'unnamed';
}
