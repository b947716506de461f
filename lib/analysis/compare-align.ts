/**
 * What of one side stands beside what of the other. Groups are paired by role and name; what is left of
 * a role is put in one row, whatever the groups are called:
 *
 *     A  attention · ffn              B  attention · experts-0 · experts-1
 *     rows  attention | attention     ffn | experts-0 + experts-1
 *
 * Where a side has both roles on the same GPUs, groups do not pair; stages do, whoever runs them.
 */
import { compareWorkers, type WorkerInfo } from '#lib/table/worker-info.ts';

export interface AlignedGroup {
  readonly name: string;
  readonly role: string;
  readonly a: string[];
  readonly b: string[];
  readonly workersA: number;
  readonly workersB: number;
}

export interface Alignment {
  readonly groups: AlignedGroup[];
  readonly byRole: boolean;
}

/** Name of the row of a group, by `role/group`. */
export type GroupNames = ReadonlyMap<string, string>;

interface Group {
  readonly group: string;
  readonly role: string;
  workers: number;
}

export function alignGroups(a: readonly WorkerInfo[], b: readonly WorkerInfo[]): Alignment {
  const groupsA = groupsOf(a);
  const groupsB = groupsOf(b);
  const rows: AlignedGroup[] = [];
  for (const role of new Set([...groupsA, ...groupsB].map((group) => group.role))) {
    const ofA = groupsA.filter((group) => group.role === role);
    const ofB = groupsB.filter((group) => group.role === role);
    const paired = new Set(ofA.map(({ group }) => group).filter((name) => has(ofB, name)));
    for (const name of paired) rows.push(rowOf(name, role, only(ofA, name), only(ofB, name)));
    const restA = ofA.filter(({ group }) => !paired.has(group));
    const restB = ofB.filter(({ group }) => !paired.has(group));
    if (restA.length > 0 && restB.length > 0) {
      const name = restA.length === 1 ? restA[0]!.group : role;
      rows.push(rowOf(name, role, restA, restB));
      continue;
    }
    for (const group of restA) rows.push(rowOf(group.group, role, [group], []));
    for (const group of restB) rows.push(rowOf(group.group, role, [], [group]));
  }
  rows.sort((x, y) =>
    compareWorkers(
      { role: x.role, group: x.name, rank: 0 },
      { role: y.role, group: y.name, rank: 0 },
    ),
  );
  const mixes = (groups: readonly Group[]): boolean =>
    groups.some(({ role }) => role === 'colocated');
  return {
    groups: rows,
    byRole: groupsA.length === 0 || groupsB.length === 0 || mixes(groupsA) === mixes(groupsB),
  };
}

/** Names of the rows for one side's groups. */
export function namesOf({ groups }: Alignment, side: 'a' | 'b'): GroupNames {
  return new Map(
    groups.flatMap((row) => row[side].map((group) => [`${row.role}/${group}`, row.name] as const)),
  );
}

function groupsOf(workers: readonly WorkerInfo[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { group, role } of workers) {
    const known = groups.get(`${role}/${group}`);
    if (known === undefined) groups.set(`${role}/${group}`, { group, role, workers: 1 });
    else known.workers++;
  }
  return [...groups.values()].sort((x, y) => (x.group < y.group ? -1 : 1));
}

function has(groups: readonly Group[], name: string): boolean {
  return groups.some(({ group }) => group === name);
}

function only(groups: readonly Group[], name: string): Group[] {
  return groups.filter(({ group }) => group === name);
}

function rowOf(name: string, role: string, a: readonly Group[], b: readonly Group[]): AlignedGroup {
  const workers = (groups: readonly Group[]): number =>
    groups.reduce((sum, group) => sum + group.workers, 0);
  return {
    name,
    role,
    a: a.map(({ group }) => group),
    b: b.map(({ group }) => group),
    workersA: workers(a),
    workersB: workers(b),
  };
}
