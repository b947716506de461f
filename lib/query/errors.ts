/** What a question may be answered with instead of an answer. Wording for people is in `message`. */

/** A parameter of the question is wrong; nothing was read. */
export class BadQuestionError extends Error {
  override readonly name = 'BadQuestionError';
  /** As the caller named it, such as "from". */
  readonly parameter: string;

  constructor(parameter: string, message: string) {
    super(message);
    this.parameter = parameter;
  }
}

/** The store has never heard of the deployment. */
export class UnknownDeploymentError extends Error {
  override readonly name = 'UnknownDeploymentError';
  readonly deployment: string;
  readonly known: readonly string[];
  /** Where the caller named it. */
  readonly parameter: string;

  constructor(deployment: string, known: readonly string[], parameter = 'id') {
    super(
      `There is no deployment ${JSON.stringify(deployment)}. ${
        known.length === 0
          ? 'Nothing has been received yet.'
          : `Known: ${known.slice(0, 20).join(', ')}${known.length > 20 ? ', …' : ''}.`
      }`,
    );
    this.deployment = deployment;
    this.known = known;
    this.parameter = parameter;
  }

  asParameter(parameter: string): UnknownDeploymentError {
    return new UnknownDeploymentError(this.deployment, this.known, parameter);
  }
}

/** No incident has this id. */
export class UnknownIncidentError extends Error {
  override readonly name = 'UnknownIncidentError';

  constructor(id: string) {
    super(
      `There is no incident ${JSON.stringify(id.slice(0, 80))}; GET /api/v1/incidents lists them.`,
    );
  }
}
