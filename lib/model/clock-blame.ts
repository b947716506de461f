/**
 * Which clocks of a causality conflict are left out. A conflict never says who is wrong; only what
 * the others say does. Where nothing tells, everyone in it is left out.
 */

/** Of pairs that contradict themselves: the clock with most of them, until none is left. */
export function blameForPairs(
  nodes: number,
  clashing: readonly { readonly left: number; readonly right: number }[],
): number[] {
  const blamed = new Uint8Array(nodes);
  for (;;) {
    const count = new Int32Array(nodes);
    let most = 0;
    for (const { left, right } of clashing) {
      if (blamed[left] === 1 || blamed[right] === 1) continue;
      for (const node of [left, right]) {
        count[node] = count[node]! + 1;
        most = Math.max(most, count[node]!);
      }
    }
    if (most === 0) break;
    const worst = count.indexOf(most);
    blamed[worst] = 1;
    // Equally many: one word against the other.
    for (const { left, right } of clashing) {
      const other = left === worst ? right : right === worst ? left : -1;
      if (other >= 0 && count[other] === most) blamed[other] = 1;
    }
  }
  const found: number[] = [];
  for (let node = 0; node < nodes; node++) if (blamed[node] === 1) found.push(node);
  return found;
}

/**
 * Of a cycle of clocks: the one without which no conflict is left, if there is exactly one; else all
 * of them. The reference is left out only if it is that one, or stands alone in the cycle.
 */
export function blameForCycle(
  cycle: readonly number[],
  reference: number,
  agreesWithout: (node: number) => boolean,
): number[] {
  const members = [...new Set(cycle)];
  const suspects = members.length <= MOST_SUSPECTS ? members.filter(agreesWithout) : [];
  if (suspects.length === 1) return suspects;
  const others = members.filter((node) => node !== reference);
  return others.length > 0 ? others : members;
}

const MOST_SUSPECTS = 16;
