/** The part of the OpenAPI document that is about incidents. */
import {
  freezeRequestSchema,
  INCIDENT_STATUSES,
  incidentChangeSchema,
  incidentDetailSchema,
  incidentSchema,
  incidentsSchema,
} from './incidents.ts';
import {
  type Json,
  jsonContent,
  operation,
  problemResponse,
  queryParameter,
} from './openapi-parts.ts';

export const INCIDENT_SCHEMAS = {
  FreezeRequest: freezeRequestSchema,
  Incident: incidentSchema,
  IncidentChange: incidentChangeSchema,
  IncidentDetail: incidentDetailSchema,
  Incidents: incidentsSchema,
};

/** Schemas of bodies that come in: what has a default may be left out. */
export const INCIDENT_INPUTS: ReadonlySet<string> = new Set(['FreezeRequest', 'IncidentChange']);

const id = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'The id of the incident.',
  schema: { type: 'string' },
};

export function incidentPaths(): Json {
  return {
    '/api/v1/incidents': {
      get: operation('Incidents, the newest first', 'Incidents', [
        queryParameter('deployment', 'Of this deployment; of all if absent.'),
        queryParameter('status', `One of ${INCIDENT_STATUSES.join(', ')}; all if absent.`),
        queryParameter('limit', 'At most so many; 200 where absent.'),
      ]),
      post: {
        summary: 'Keeps a window from retention: the last seconds, or from one instant to another',
        requestBody: { required: true, content: jsonContent('FreezeRequest') },
        responses: {
          201: { description: 'The incident; it is recording', content: jsonContent('Incident') },
          default: problemResponse(),
        },
      },
    },
    '/api/v1/incidents/{id}': {
      get: operation('An incident with its reports, timeline and setup', 'IncidentDetail', [id]),
      post: {
        summary: 'Changes status or title, adds a note, or gives the raw events to retention',
        parameters: [id],
        requestBody: { required: true, content: jsonContent('IncidentChange') },
        responses: {
          200: { description: 'The incident as it is kept', content: jsonContent('Incident') },
          default: problemResponse(),
        },
      },
      delete: {
        summary: 'Deletes an incident, its report and notes; its raw events go to retention',
        parameters: [id],
        responses: { 204: { description: 'It is gone' }, default: problemResponse() },
      },
    },
    '/api/v1/incidents/{id}/report.html': {
      get: {
        summary:
          'The post-mortem report of its window, with its alerts and notes, as one HTML file',
        parameters: [
          id,
          queryParameter('zone', 'IANA name of the zone of local times; UTC where absent.'),
          queryParameter('url', 'Where its links lead; this server where absent.'),
        ],
        responses: {
          200: { description: 'The file', content: { 'text/html': {} } },
          default: problemResponse(),
        },
      },
    },
  };
}
