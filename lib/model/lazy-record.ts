/**
 * A record whose values are computed when they are first read: most questions need two of an
 * event's eight measures, and copying the others would cost as much as all the rest.
 */
export function lazyRecord<K extends string, V>(
  names: readonly K[],
  compute: (name: K) => V,
): Readonly<Record<K, V>> {
  const record = {} as Record<K, V>;
  for (const name of names) {
    let value: V | undefined;
    Object.defineProperty(record, name, {
      enumerable: true,
      get: () => {
        value ??= compute(name);
        return value;
      },
    });
  }
  return record;
}
