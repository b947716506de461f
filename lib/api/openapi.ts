/** The API as an OpenAPI 3.1 document, made from the schemas that check its answers. */
import { z } from 'zod';
import { annotationRequestSchema, annotationSchema, annotationsSchema } from './annotations.ts';
import { breakdownSchema } from './breakdown.ts';
import { compareSchema } from './compare.ts';
import { criticalPathSchema } from './critical-path.ts';
import { deploymentsSchema } from './deployments.ts';
import { expertsAnswerSchema } from './experts.ts';
import { healthSchema } from './health.ts';
import { importSchema, importsSchema, unpinnedSchema } from './imports.ts';
import { liveEventSchema } from './live-event.ts';
import { ALERT_INPUTS, ALERT_SCHEMAS, alertPaths } from './openapi-alerts.ts';
import { INCIDENT_INPUTS, INCIDENT_SCHEMAS, incidentPaths } from './openapi-incidents.ts';
import {
  frameOperation,
  type Json,
  jsonContent,
  operation,
  problemResponse,
  queryParameter,
  reference,
  TIME,
  taggedOperation,
  windowParameters,
} from './openapi-parts.ts';
import { problemSchema } from './problem.ts';
import { reportSchema } from './report-schema.ts';
import { seriesSchema } from './series.ts';
import { stragglersSchema } from './stragglers.ts';
import { DEFAULT_TIMELINE_BINS, MAX_TIMELINE_BINS, timelineSchema } from './timeline.ts';
import { timelineFlowSchema } from './timeline-flow.ts';
import { timelineSearchSchema } from './timeline-search.ts';
import { timelineStatsSchema } from './timeline-stats.ts';
import { timelineStepsSchema } from './timeline-steps.ts';
import { timelineTileHeaderSchema } from './timeline-tile.ts';
import { heatmapAnswerSchema, stripAnswerSchema } from './views.ts';
import { waitsSchema } from './waits.ts';
import { whatifSchema } from './whatif.ts';

const SCHEMAS = {
  ...ALERT_SCHEMAS,
  ...INCIDENT_SCHEMAS,
  Annotation: annotationSchema,
  AnnotationRequest: annotationRequestSchema,
  Annotations: annotationsSchema,
  Breakdown: breakdownSchema,
  Compare: compareSchema,
  CriticalPath: criticalPathSchema,
  Deployments: deploymentsSchema,
  Experts: expertsAnswerSchema,
  Health: healthSchema,
  Heatmap: heatmapAnswerSchema,
  Import: importSchema,
  Imports: importsSchema,
  LiveEvent: liveEventSchema,
  Problem: problemSchema,
  Report: reportSchema,
  Series: seriesSchema,
  Stragglers: stragglersSchema,
  Strip: stripAnswerSchema,
  Timeline: timelineSchema,
  TimelineFlow: timelineFlowSchema,
  TimelineSearch: timelineSearchSchema,
  TimelineStats: timelineStatsSchema,
  TimelineSteps: timelineStepsSchema,
  TimelineTileHeader: timelineTileHeaderSchema,
  Unpinned: unpinnedSchema,
  Waits: waitsSchema,
  Whatif: whatifSchema,
};
type SchemaName = keyof typeof SCHEMAS;

const filterParameters = [
  queryParameter('stages', 'Only events of these stages, with commas between them.'),
  queryParameter('layer', 'Only events of this layer; -1: those of the step.'),
  queryParameter('microbatch', 'Only events of this micro-batch; -1: those without one.'),
  queryParameter(
    'peer',
    'Only transfers with this rank of the other group; one that names nobody means everybody.',
  ),
];

const deploymentParameter = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'The deployment, percent-encoded (a slash is %2F).',
  schema: { type: 'string' },
};

export function openApiDocument(): Json {
  const window = (summary: string, schema: SchemaName): Json => ({
    get: operation(summary, schema, [deploymentParameter, ...windowParameters]),
  });
  return {
    openapi: '3.1.0',
    info: {
      title: 'afdscope',
      version: '1',
      description: 'Figures of AFD serving clusters. Every figure is defined in the README.',
    },
    paths: {
      '/api/v1/deployments': { get: operation('Deployments that were seen', 'Deployments') },
      '/api/v1/deployments/{id}/report': window('The report of a window', 'Report'),
      '/api/v1/deployments/{id}/series': window('History for the trend charts', 'Series'),
      '/api/v1/deployments/{id}/heatmap': window('Worker by layer', 'Heatmap'),
      '/api/v1/deployments/{id}/strip': window('The newest whole step', 'Strip'),
      '/api/v1/deployments/{id}/breakdown': window('Layer by micro-batch', 'Breakdown'),
      '/api/v1/deployments/{id}/waits': window('Who waited because of whom, and why', 'Waits'),
      '/api/v1/deployments/{id}/critical-path': {
        get: operation('What made steps as long as they were', 'CriticalPath', [
          deploymentParameter,
          ...windowParameters,
          queryParameter('pick', 'The step whose path is told: `slowest` (default) or `newest`.'),
          queryParameter('step', 'The number of the step whose path is told.'),
          queryParameter('domain', 'The data-parallel domain of that step.'),
        ]),
      },
      '/api/v1/deployments/{id}/postmortem': {
        get: {
          summary: 'A post-mortem report of a window as one file',
          parameters: [
            deploymentParameter,
            ...windowParameters,
            queryParameter('format', '`html` (default) or `md`.'),
            queryParameter(
              'zone',
              'IANA name of the zone of local times, such as Europe/Berlin; UTC where absent.',
            ),
            queryParameter(
              'url',
              'Where the dashboard is that evidence links lead to; this server where absent.',
            ),
          ],
          responses: {
            200: {
              description: 'The file; Content-Disposition names it',
              content: {
                'text/html': { schema: { type: 'string' } },
                'text/markdown': { schema: { type: 'string' } },
              },
            },
            default: problemResponse(),
          },
        },
      },
      '/api/v1/deployments/{id}/stragglers': window('Slow and hung workers', 'Stragglers'),
      '/api/v1/deployments/{id}/experts': window('Expert load by layer and rank', 'Experts'),
      '/api/v1/deployments/{id}/timeline': {
        get: taggedOperation('Events, or bins per worker and stage', 'Timeline', [
          deploymentParameter,
          ...windowParameters,
          queryParameter(
            'bins',
            `Bins that there is room for, 1 to ${MAX_TIMELINE_BINS}; ${DEFAULT_TIMELINE_BINS} where absent. An answer about many workers has fewer.`,
          ),
          queryParameter('workers', 'Worker ids with commas between them; all where absent.'),
        ]),
      },
      '/api/v1/deployments/{id}/timeline/tile': {
        get: frameOperation('What a timeline draws, as columns', 'TimelineTileHeader', [
          deploymentParameter,
          ...windowParameters,
          queryParameter(
            'bins',
            `Bins that there is room for, 1 to ${MAX_TIMELINE_BINS}; ${DEFAULT_TIMELINE_BINS} where absent.`,
          ),
          queryParameter('workers', 'Worker ids with commas between them; all where absent.'),
          ...filterParameters,
        ]),
      },
      '/api/v1/deployments/{id}/timeline/flow': {
        get: operation('The way of a micro-batch through a layer', 'TimelineFlow', [
          deploymentParameter,
          queryParameter('step', 'Number of the step; needed.'),
          queryParameter('layer', 'Layer; needed.'),
          queryParameter('microbatch', 'Micro-batch; needed.'),
          queryParameter('domain', 'Data-parallel domain; 0 where absent.'),
          queryParameter(
            'at',
            `Where to look for the step; the newest event where absent. ${TIME}.`,
          ),
        ]),
      },
      '/api/v1/deployments/{id}/timeline/search': {
        get: operation('Workers, steps, events and notes that match', 'TimelineSearch', [
          deploymentParameter,
          ...windowParameters,
          queryParameter(
            'q',
            'Words and pairs, all of which must hold: step:120..130 layer:5 mb:1 stage:expert worker:ffn/* group:ffn kind:compute peer:3 domain:0 tokens>100 dur>1ms; needed.',
          ),
          queryParameter('limit', 'Hits in the answer, 1 to 1000; 100 where absent.'),
          queryParameter(
            'near',
            'An instant: hits that lie nearest to it come first, and `before` counts what starts before it. Absent: the earliest, by time.',
          ),
        ]),
      },
      '/api/v1/deployments/{id}/timeline/stats': {
        get: operation('What an area of a timeline holds, by stage', 'TimelineStats', [
          deploymentParameter,
          ...windowParameters,
          queryParameter('workers', 'Worker ids with commas between them; all where absent.'),
          ...filterParameters,
        ]),
      },
      '/api/v1/deployments/{id}/timeline/steps': {
        get: operation('Steps of a window, or the one beside an instant', 'TimelineSteps', [
          deploymentParameter,
          ...windowParameters,
          queryParameter('order', '`time` (default), or `slowest` first.'),
          queryParameter('limit', 'Steps in the answer, 1 to 1000; 50 where absent.'),
          queryParameter('overNs', 'Only steps that last longer, in nanoseconds.'),
          queryParameter('domain', 'Only steps of this data-parallel domain.'),
          queryParameter('at', `In place of a window, with \`direction\`: an instant. ${TIME}.`),
          queryParameter('direction', '`next`: starts after `at`; `previous`: starts before it.'),
        ]),
      },
      '/api/v1/deployments/{id}/whatif': {
        get: operation('Recorded steps replayed with changes', 'Whatif', [
          deploymentParameter,
          ...windowParameters,
          {
            ...queryParameter(
              'set',
              'A change, several times for several: ratio=12A4F, microbatches=3, batch=0.5, network=0.5, fix=attention/2, experts=level, stage:expert=0.8.',
            ),
            schema: { type: 'array', items: { type: 'string' } },
          },
        ]),
      },
      '/api/v1/deployments/{id}/live': {
        get: {
          summary: 'Live events; resume with Last-Event-ID',
          parameters: [
            deploymentParameter,
            { name: 'Last-Event-ID', in: 'header', schema: { type: 'string' } },
            queryParameter('lastEventId', 'The same, for readers that cannot set the header.'),
          ],
          responses: {
            200: {
              description: 'Server-sent events; the data of each is a LiveEvent',
              content: { 'text/event-stream': { schema: reference('LiveEvent') } },
            },
            default: problemResponse(),
          },
        },
      },
      '/api/v1/export': {
        get: {
          summary: 'A window as a file, streamed',
          parameters: [
            {
              ...queryParameter(
                'format',
                '`archive`, `perfetto`, `chrome`, `otlp-json`, `arrow` or `csv`.',
              ),
              required: true,
            },
            queryParameter('deployment', 'Its deployment; needed where no incident is named.'),
            queryParameter(
              'incident',
              'An incident: its window where none is named, and its notes go into archives.',
            ),
            queryParameter('from', `Inclusive. ${TIME}. Where absent: the first event.`),
            queryParameter('to', `Exclusive. ${TIME}. Where absent: the last event's end.`),
            queryParameter('workers', 'Worker ids with commas between them; all where absent.'),
            queryParameter(
              'stages',
              'Only events of these stages, with commas between them; not for archives.',
            ),
            queryParameter(
              'bubbles',
              'Of traces: `no` leaves out the tracks that say why workers waited.',
            ),
          ],
          responses: {
            200: {
              description: 'The file; Content-Disposition names it',
              content: {
                'application/octet-stream': {},
                'application/json': {},
                'application/x-ndjson': {},
                'application/vnd.apache.arrow.stream': {},
                'text/csv': {},
              },
            },
            default: problemResponse(),
          },
        },
      },
      '/api/v1/compare': {
        get: operation('Two windows side by side, and what differs', 'Compare', [
          { ...queryParameter('a', 'Deployment of side A.'), required: true },
          queryParameter(
            'a.from',
            `Start of A's window. ${TIME}. Where absent: as long before a.to as B's window is.`,
          ),
          queryParameter(
            'a.to',
            `End of A's window, exclusive. ${TIME}. Where absent: the start of B's, or now for another deployment.`,
          ),
          queryParameter('b', 'Deployment of side B; that of A where absent.'),
          queryParameter(
            'b.from',
            `Start of B's window. ${TIME}. A minute before b.to where absent.`,
          ),
          queryParameter('b.to', `End of B's window, exclusive. ${TIME}. Now where absent.`),
        ]),
      },
      '/api/v1/import': { post: importOperation() },
      '/api/v1/imports': {
        get: operation('What was imported, the newest first', 'Imports'),
        delete: operation('Gives the events of an import to retention', 'Unpinned', [
          { ...queryParameter('id', 'The import.'), required: true },
        ]),
      },
      '/api/v1/health': { get: operation('Ingest totals, sizes, collector', 'Health') },
      '/api/v1/annotations': {
        get: operation('Notes that overlap a window', 'Annotations', [
          { ...queryParameter('deployment', 'The deployment.'), required: true },
          ...windowParameters,
        ]),
        post: {
          summary: 'Adds or replaces a note',
          requestBody: { required: true, content: jsonContent('AnnotationRequest') },
          responses: {
            201: { description: 'The note as it is kept', content: jsonContent('Annotation') },
            default: problemResponse(),
          },
        },
        delete: {
          summary: 'Deletes a note',
          parameters: [{ ...queryParameter('id', 'The id of the note.'), required: true }],
          responses: { 204: { description: 'It is gone' }, default: problemResponse() },
        },
      },
      ...alertPaths(),
      ...incidentPaths(),
    },
    components: { schemas: componentSchemas() },
  };
}

function importOperation(): Json {
  return {
    summary: 'Takes one file of an import: OTLP, GPU trace or archive, plain, gzip or zstd',
    parameters: [
      { ...queryParameter('name', 'What the file is called.'), required: true },
      queryParameter('deployment', 'What to call it; where absent, what the files say.'),
      queryParameter('importId', 'The same for all files of one import; one of its own if absent.'),
      queryParameter('files', 'How many files the import has; 1 where absent.'),
      queryParameter('kernels', '`1`: the body is a table of kernel names for the others.'),
    ],
    requestBody: {
      required: true,
      content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
    },
    responses: {
      200: {
        description: 'Imported before; nothing was stored again',
        content: jsonContent('Import'),
      },
      201: { description: 'Stored', content: jsonContent('Import') },
      202: { description: 'More files are to come, or it goes on', content: jsonContent('Import') },
      default: problemResponse(),
    },
  };
}

const INPUTS = new Set(['AnnotationRequest', ...ALERT_INPUTS, ...INCIDENT_INPUTS]);

function componentSchemas(): Json {
  return Object.fromEntries(
    Object.entries(SCHEMAS).map(([name, schema]) => {
      const { $schema: _, ...body } = z.toJSONSchema(schema, {
        io: INPUTS.has(name) ? 'input' : 'output',
      });
      return [name, body];
    }),
  );
}
