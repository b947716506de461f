/** The table of figures. Workers are a table of their own: there are many, and they say the same. */
import { contrast, judge, judgeAlone } from './compare-contrast.ts';
import { figureLook, figureOrder, stageFigureName } from './compare-figures.ts';
import type { CompareSideSamples } from './compare-side.ts';
import type { Compared, ComparedFigure } from './compare-types.ts';

type Named = Omit<ComparedFigure, keyof Compared>;

interface Row {
  readonly named: Named;
  a: Float64Array | null;
  b: Float64Array | null;
}

const SCOPES = ['cluster', 'pipeline', 'group', 'stage', 'worker'] as const;

export function headlineOf(a: CompareSideSamples, b: CompareSideSamples): ComparedFigure[] {
  const rows = new Map<string, Row>();
  addSide(rows, a, 'a');
  addSide(rows, b, 'b');
  const all = [...rows.values()]
    .filter(tellsSomething)
    .sort(
      ({ named: x }, { named: y }) =>
        SCOPES.indexOf(x.scope) - SCOPES.indexOf(y.scope) ||
        order(x.group ?? '', y.group ?? '') ||
        figureOrder(x.id) - figureOrder(y.id) ||
        order(x.id, y.id) ||
        (x.worker ?? '').localeCompare(y.worker ?? '', 'en', { numeric: true }),
    );
  const first = all.filter(({ named }) => named.id === 'stepNs');
  const workers = all.filter(({ named }) => named.scope === 'worker');
  const rest = all.filter(({ named }) => named.id !== 'stepNs' && named.scope !== 'worker');
  const contrasts = (some: readonly Row[]) => some.map((row) => contrast(row.a, row.b));
  const compared = [
    ...contrasts(first).map(judgeAlone),
    ...judge(contrasts(rest)),
    ...judge(contrasts(workers)),
  ];
  return [...first, ...rest, ...workers].map(({ named }, i) => ({ ...compared[i]!, ...named }));
}

/** What is nothing on either side (copies where nobody copies) is no figure. */
function tellsSomething({ a, b }: Row): boolean {
  const isNothing = (values: Float64Array | null): boolean =>
    values === null || values.every((value) => value === 0 || Number.isNaN(value));
  return !isNothing(a) || !isNothing(b);
}

function addSide(rows: Map<string, Row>, side: CompareSideSamples, name: 'a' | 'b'): void {
  const add = (named: Named, values: Float64Array): void => {
    const key = JSON.stringify([named.scope, named.group, named.worker, named.id]);
    const row = rows.get(key) ?? { named, a: null, b: null };
    row[name] = values;
    rows.set(key, row);
  };
  for (const { values, ...figure } of side.figures) {
    add({ ...figure, ...figureLook(figure.id) }, values);
  }
  for (const { group, stage, part, values } of side.durations.stages) {
    const named: Named = {
      id: `stage.${stage}.${part}`,
      name: stageFigureName({ stage, part }),
      unit: 'ns',
      better: 'lower',
      scope: 'stage',
      group: group === '' ? null : group,
      worker: null,
    };
    add(named, values);
  }
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
