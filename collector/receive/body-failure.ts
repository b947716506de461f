/** Why a body could not be read, whatever the transport. */
export type BodyFailure =
  /** The byte budget has no room for it now. */
  | { readonly kind: 'over_budget' }
  /** More than the limit, before or after decompression. */
  | { readonly kind: 'too_large'; readonly limitBytes: number }
  /** Damaged or cut compression; the message is safe to send. */
  | { readonly kind: 'malformed'; readonly message: string }
  /** The sender was too slow. */
  | { readonly kind: 'timeout'; readonly message: string }
  /** The sender went away. */
  | { readonly kind: 'aborted' };
