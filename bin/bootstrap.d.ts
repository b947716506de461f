/** What a user can mend. */
export class BootstrapError extends Error {}

/** Path of the Node that runs the product. @throws BootstrapError */
export function findNode(folder?: string, version?: string): string;
