import type { SecretSources } from './secrets.ts';

/** What channels need beside their receiver. */
export interface ChannelContext extends SecretSources {
  /** Where people reach the dashboard, without a slash at its end. */
  readonly externalUrl: string;
}
