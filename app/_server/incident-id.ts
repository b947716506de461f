/** The routes under /api/v1/incidents/{id}. */
export interface IncidentContext {
  readonly params: Promise<{ readonly id: string }>;
}

/** Ids are letters, digits and dashes: encoded or not, they are the same. */
export async function incidentId(context: IncidentContext): Promise<string> {
  return (await context.params).id;
}
