/** The part of the OpenAPI document that is about alerting. */
import {
  alertRuleSchema,
  listedRuleSchema,
  previewRequestSchema,
  rulePreviewSchema,
  rulesAnswerSchema,
} from './alert-rules.ts';
import {
  ALERT_STATES,
  acknowledgeRequestSchema,
  alertHistorySchema,
  alertSchema,
  alertsSchema,
  deliveriesSchema,
  receiversSchema,
  receiverTestRequestSchema,
  receiverTestSchema,
  silenceRequestSchema,
  silenceSchema,
  silencesSchema,
} from './alerts.ts';
import {
  type Json,
  jsonContent,
  operation,
  problemResponse,
  queryParameter,
  windowParameters,
} from './openapi-parts.ts';

export const ALERT_SCHEMAS = {
  AcknowledgeRequest: acknowledgeRequestSchema,
  Alert: alertSchema,
  AlertHistory: alertHistorySchema,
  AlertRule: alertRuleSchema,
  Alerts: alertsSchema,
  Deliveries: deliveriesSchema,
  ListedRule: listedRuleSchema,
  PreviewRequest: previewRequestSchema,
  Receivers: receiversSchema,
  ReceiverTest: receiverTestSchema,
  ReceiverTestRequest: receiverTestRequestSchema,
  RulePreview: rulePreviewSchema,
  Rules: rulesAnswerSchema,
  Silence: silenceSchema,
  SilenceRequest: silenceRequestSchema,
  Silences: silencesSchema,
};

/** Schemas of bodies that come in: what has a default may be left out. */
export const ALERT_INPUTS: ReadonlySet<string> = new Set([
  'AcknowledgeRequest',
  'AlertRule',
  'PreviewRequest',
  'ReceiverTestRequest',
  'SilenceRequest',
]);

const deploymentParameter = queryParameter('deployment', 'Of this deployment; of all if absent.');

export function alertPaths(): Json {
  return {
    '/api/v1/alerts': {
      get: operation('Alerts that are pending, firing or ended a short while ago', 'Alerts', [
        deploymentParameter,
        queryParameter('state', `One of ${ALERT_STATES.join(', ')}; all if absent.`),
      ]),
    },
    '/api/v1/alerts/history': {
      get: operation('Changes of alerts in a window, the newest first', 'AlertHistory', [
        deploymentParameter,
        ...windowParameters,
        queryParameter('rule', 'Of this rule only.'),
        queryParameter('alertId', 'Of this alert only.'),
        queryParameter('limit', 'Changes in the answer, 1 to 5000; 500 if absent.'),
      ]),
    },
    '/api/v1/alerts/acknowledge': {
      post: change('Says who looks after an alert', 'AcknowledgeRequest', 'Alert'),
    },
    '/api/v1/alerts/rules': {
      get: operation('All rules: built in, of the file, and stored', 'Rules'),
      put: {
        ...change('Stores a rule under its name', 'AlertRule', 'ListedRule'),
        parameters: [
          queryParameter(
            'basedOn',
            '`changedUnixMs` of the listed rule that was edited, or `none`; 409 where it has changed since. Absent: whatever is there is replaced.',
          ),
        ],
      },
      delete: removal('Deletes a stored rule; one that it stood before holds again', 'name'),
    },
    '/api/v1/alerts/rules/preview': {
      post: change('When would a rule have fired?', 'PreviewRequest', 'RulePreview'),
    },
    '/api/v1/alerts/rules/export': {
      get: {
        summary: 'The rules as a YAML file that `alerts.rules` takes',
        parameters: [
          queryParameter('source', '`all` (default), or `page`: stored ones alone.'),
          queryParameter('name', 'This rule alone.'),
        ],
        responses: {
          200: {
            description: 'OK',
            content: { 'application/yaml': { schema: { type: 'string' } } },
          },
          default: problemResponse(),
        },
      },
    },
    '/api/v1/alerts/deliveries': {
      get: operation('Messages to receivers and what became of them', 'Deliveries', [
        queryParameter('limit', 'Messages in the answer, 1 to 5000; 500 if absent.'),
      ]),
    },
    '/api/v1/alerts/receivers': { get: operation('Who is told of alerts', 'Receivers') },
    '/api/v1/alerts/receivers/test': {
      post: change('Sends a test message to a receiver', 'ReceiverTestRequest', 'ReceiverTest'),
    },
    '/api/v1/silences': {
      get: operation('Silences: scheduled, active and expired', 'Silences'),
      post: change(
        'Makes a silence, or replaces the one with the same id',
        'SilenceRequest',
        'Silence',
      ),
      delete: removal('Ends a silence now; it stays listed as expired', 'id'),
    },
  };
}

function change(summary: string, body: string, answer: string): Json {
  return {
    summary,
    requestBody: { required: true, content: jsonContent(body) },
    responses: {
      200: { description: 'As it is now', content: jsonContent(answer) },
      default: problemResponse(),
    },
  };
}

function removal(summary: string, parameter: string): Json {
  return {
    summary,
    parameters: [{ ...queryParameter(parameter, 'Which one.'), required: true }],
    responses: { 204: { description: 'Done' }, default: problemResponse() },
  };
}
