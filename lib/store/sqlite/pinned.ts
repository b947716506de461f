/** Which chunks a pin keeps. */

/** Of a table that is called `chunk`: no pin needs the row. */
export const NOT_PINNED = `NOT EXISTS (
  SELECT 1 FROM pins WHERE pins.deployment = chunk.deployment
    AND pins.from_unix_ns < chunk.to_unix_ns AND pins.to_unix_ns > chunk.from_unix_ns)`;
