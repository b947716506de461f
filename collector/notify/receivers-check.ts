/** Receivers files for `afdscope alerts check`: read as the collector reads them, nobody is asked. */
import { checkReceivers } from '#lib/config/receivers.ts';
import { setupOf } from './receivers-setup.ts';

export interface ReceiversCheck {
  readonly receivers: number;
  readonly routes: number;
  /** Each names the file, the receiver or route, and the key. */
  readonly problems: readonly string[];
  /** Likely mistakes that hinder nothing. */
  readonly warnings: readonly string[];
}

/** `path` names the file in messages. */
export function checkReceiversFile(text: string, path: string): ReceiversCheck {
  const file = checkReceivers(text, path);
  const setup = file.ok ? setupOf(file.value, path) : file;
  if (!setup.ok) return { receivers: 0, routes: 0, problems: setup.error, warnings: [] };
  const { receivers, routes, warnings } = setup.value;
  return { receivers: receivers.length, routes: routes.length, problems: [], warnings };
}
