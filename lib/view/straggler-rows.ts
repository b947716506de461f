/** The ranking of slow workers as rows: what is slow, what of it is load, and what to do about it. */
import type { StragglerJson } from '#lib/api/stragglers.ts';

export interface StragglerRow {
  readonly straggler: StragglerJson;
  /** Worker and stage: a worker may stand here with several stages. */
  readonly key: string;
  readonly className: string;
  /** Parts of the excess; each 0 or more, they add up to it where neither part is negative. */
  readonly loadRatio: number;
  readonly deviceRatio: number;
  /** Whom to turn to, in one or two words. */
  readonly remedy: string;
  /** The same as a sentence. */
  readonly remedyText: string;
}

const CLASSES: Readonly<Record<NonNullable<StragglerJson['class']>, string>> = {
  'compute-slow': 'slow compute',
  'comm-slow': 'slow transfers',
  mixed: 'compute and transfers',
};

/** As the report sorts them: worst first. */
export function stragglerRows(ranking: readonly StragglerJson[]): readonly StragglerRow[] {
  return ranking.map((straggler) => {
    const [remedy, remedyText] = remedyOf(straggler);
    return {
      straggler,
      key: `${straggler.worker} ${straggler.stage}`,
      className: straggler.class === undefined ? 'slow' : CLASSES[straggler.class],
      loadRatio: Math.max(0, straggler.loadRatio),
      deviceRatio: Math.max(0, straggler.residualRatio),
      remedy,
      remedyText,
    };
  });
}

/** A group of that name, or the group that the worker's id names. */
export function isFfn(straggler: Pick<StragglerJson, 'worker' | 'group' | 'stage'>): boolean {
  const { stage } = straggler;
  if (stage === 'expert' || stage === 'shared_expert' || stage.startsWith('f2a_send')) return true;
  const group = straggler.group ?? straggler.worker.split('/')[0] ?? '';
  return group.startsWith('ffn');
}

function remedyOf(straggler: StragglerJson): readonly [string, string] {
  const cause = straggler.cause ?? causeOf(straggler);
  if (straggler.class === 'comm-slow') {
    return [
      'network',
      'Check its network: NIC, cable, switch port, congestion. It computes as fast as the others; its transfers take longer.',
    ];
  }
  const percent = Math.round(
    (100 * Math.max(0, straggler.loadRatio)) /
      Math.max(1e-9, Math.max(0, straggler.loadRatio) + Math.max(0, straggler.residualRatio)),
  );
  const router = isFfn(straggler)
    ? ([
        'expert placement',
        'Spread its experts: move or replicate the hot ones. More tokens are routed to it than to the others; the device itself keeps up.',
      ] as const)
    : ([
        'request router',
        'Route requests more evenly: longer contexts or more requests landed here. The device itself keeps up.',
      ] as const);
  const network =
    straggler.class === 'mixed' ? ' Its transfers are slow too: check the network.' : '';
  if (cause === 'load') return [router[0], router[1] + network];
  if (cause === 'device') {
    return [
      'device',
      `Check the device, or replace it: clocks, power cap, temperature, memory errors. It takes longer at the same load.${network}`,
    ];
  }
  return [
    `${router[0]}, then device`,
    `First ${isFfn(straggler) ? 'spread its experts' : 'route requests more evenly'} (load explains ${percent} % of the excess), then check the device.${network}`,
  ];
}

/** For reports that do not say: a part under a fifth of the excess is none. */
function causeOf(straggler: StragglerJson): NonNullable<StragglerJson['cause']> {
  const load = Math.max(0, straggler.loadRatio);
  const device = Math.max(0, straggler.residualRatio);
  const total = load + device;
  if (load < 0.2 * total) return 'device';
  return device < 0.2 * total ? 'load' : 'both';
}
