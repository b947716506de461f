/** Two tiers: `npm test` runs each random test briefly, `npm run test:long` for as long as it takes. */
const isLong = process.env.AFDSCOPE_TEST_TIER === 'long';

/** How many rounds a random test runs in this tier. */
export function rounds(short: number, long: number): number {
  return isLong ? long : short;
}

/** How long it may take in this tier, in milliseconds. */
export function limitMs(short: number): number {
  return isLong ? 3_600_000 : short;
}
