/** What a post-mortem report says of the software that it was made with. */
import type { Config } from '#lib/config/load-config.ts';
import { shownConfig, withoutSecrets } from '#lib/config/shown-config.ts';
import type { SetupFacts } from '#lib/postmortem/facts.ts';

/** `configOf`: whose configuration it is, such as "of this command"; `config` null: none is known. */
export function setupFacts(version: string, config: Config | null, configOf: string): SetupFacts {
  const store = config?.store ?? null;
  return {
    versions: [
      { name: 'afdscope', value: version },
      { name: 'Node.js', value: `${process.version}, ${process.platform} ${process.arch}` },
      ...(store === null
        ? []
        : [{ name: 'Store', value: store === 'sqlite' ? 'SQLite' : withoutSecrets(store) }]),
    ],
    config: config === null ? [] : shownConfig(config),
    configOf,
  };
}
