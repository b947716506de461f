import { describe, expect, it } from 'vitest';
import { DEFAULT_KIND, defaultKind, stageCode } from '#lib/model/stages.ts';
import { KINDS, Kind, ROLES, type Role, STAGES, type StageName } from '#lib/table/codes.ts';

describe('stageCode', () => {
  it("takes the schema's own names on every side, but for combine where nobody is disaggregated", () => {
    for (const role of ROLES) {
      for (const name of STAGES) {
        const communication = name === 'combine' && (role === 'colocated' || role === 'prefill');
        expect(STAGES[stageCode(name, role)]).toBe(communication ? 'collective' : name);
      }
    }
  });

  it.each<[string, Role, StageName | undefined]>([
    ['compute_attn_output', 'attention', 'attention'],
    ['_forward_attn', 'attention', 'attention'],
    ['router', 'ffn', 'gate'],
    ['send_attn_output', 'attention', 'a2f_send'],
    ['dispatch', 'attention', 'a2f_send'],
    ['dispatch', 'colocated', 'collective'],
    ['dispatch', 'prefill', 'collective'],
    ['dispatch', 'ffn', undefined],
    ['recv_attn_output', 'ffn', 'a2f_recv'],
    ['moe', 'ffn', 'expert'],
    ['e2a', 'ffn', 'f2a_send'],
    ['recv_ffn_output', 'attention', 'f2a_recv'],
    ['all_reduce', 'attention', 'collective'],
    ['constructor', 'attention', undefined],
    ['', 'attention', undefined],
  ])('%s of %s is %s', (name, role, stage) => {
    expect(STAGES[stageCode(name, role)]).toBe(stage);
  });
});

describe('defaultKind', () => {
  it('is there for every stage, and host for unknown ones', () => {
    for (const [code, name] of STAGES.entries()) expect(defaultKind(code)).toBe(DEFAULT_KIND[name]);
    expect(defaultKind(STAGES.length + 3)).toBe(Kind.host);
    expect(KINDS[defaultKind(stageCode('f2a_recv', 'attention'))]).toBe('receive');
  });
});
