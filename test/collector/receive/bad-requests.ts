/** What a sender may do wrong, with the answer that OTLP prescribes. */
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';

export interface RequestCase {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer> | string;
  readonly status: number;
  /** google.rpc.Status code in the body, in the request's encoding. */
  readonly code?: number;
  readonly allow?: string;
}

const JSON_TYPE = { 'Content-Type': 'application/json' };
const PROTO_TYPE = { 'Content-Type': 'application/x-protobuf' };
const EMPTY = '{"resourceSpans":[]}';
const plain = new Uint8Array(Buffer.from('{"key": "value"}'));

const ENCODINGS: readonly [string, (data: string) => Uint8Array<ArrayBuffer>][] = [
  ['gzip', (data) => new Uint8Array(gzipSync(data))],
  ['deflate', (data) => new Uint8Array(deflateSync(data))],
  ['zstd', (data) => new Uint8Array(zstdCompressSync(data))],
];

export const REQUEST_CASES: readonly RequestCase[] = [
  { name: 'unknown path', path: '/v1/spans', headers: JSON_TYPE, body: EMPTY, status: 404 },
  { name: 'root path', path: '/', headers: JSON_TYPE, body: EMPTY, status: 404 },
  {
    name: 'path in another case',
    path: '/V1/traces',
    headers: JSON_TYPE,
    body: EMPTY,
    status: 404,
  },
  {
    name: 'query is ignored',
    path: '/v1/traces?a=b',
    headers: JSON_TYPE,
    body: EMPTY,
    status: 200,
  },
  ...['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'].map((method) => ({
    name: method,
    method,
    status: 405,
    allow: 'POST',
  })),
  { name: 'no type', body: EMPTY, headers: { 'Content-Type': '' }, status: 415 },
  { name: 'text type', body: EMPTY, headers: { 'Content-Type': 'text/plain' }, status: 415 },
  {
    name: 'grpc type over HTTP/1.1',
    body: EMPTY,
    headers: { 'Content-Type': 'application/grpc' },
    status: 415,
  },
  {
    name: 'type in upper case with parameters',
    headers: { 'Content-Type': 'Application/JSON ; charset=UTF-8' },
    body: EMPTY,
    status: 200,
  },
  {
    name: 'protobuf type in upper case',
    headers: { 'Content-Type': 'APPLICATION/X-PROTOBUF' },
    body: '',
    status: 200,
  },
  {
    name: 'unknown encoding',
    headers: { ...JSON_TYPE, 'Content-Encoding': 'br' },
    body: EMPTY,
    status: 415,
    code: 3,
  },
  {
    name: 'two encodings',
    headers: { ...JSON_TYPE, 'Content-Encoding': 'gzip, gzip' },
    body: EMPTY,
    status: 415,
    code: 3,
  },
  {
    name: 'identity encoding',
    headers: { ...JSON_TYPE, 'Content-Encoding': 'identity' },
    body: EMPTY,
    status: 200,
  },
  { name: 'empty protobuf', headers: PROTO_TYPE, body: '', status: 200 },
  { name: 'empty JSON object', headers: JSON_TYPE, body: '{}', status: 200 },
  { name: 'empty JSON body', headers: JSON_TYPE, body: '', status: 400, code: 3 },
  { name: 'cut JSON', headers: JSON_TYPE, body: '{"resourceSpans":[', status: 400, code: 3 },
  { name: 'JSON array', headers: JSON_TYPE, body: '[]', status: 400, code: 3 },
  { name: 'JSON as protobuf', headers: PROTO_TYPE, body: plain, status: 400, code: 3 },
  {
    name: 'protobuf as JSON',
    headers: JSON_TYPE,
    body: new Uint8Array([10, 2, 18, 0]),
    status: 400,
    code: 3,
  },
  {
    name: 'cut protobuf',
    headers: PROTO_TYPE,
    body: new Uint8Array([10, 100, 18, 0]),
    status: 400,
    code: 3,
  },
  ...ENCODINGS.flatMap(([name, compress]): RequestCase[] => {
    const json = { ...JSON_TYPE, 'Content-Encoding': name };
    const proto = { ...PROTO_TYPE, 'Content-Encoding': name };
    return [
      { name: `${name}, JSON`, headers: json, body: compress(EMPTY), status: 200 },
      { name: `${name}, empty protobuf`, headers: proto, body: compress(''), status: 200 },
      {
        name: `${name} in upper case`,
        headers: { ...JSON_TYPE, 'Content-Encoding': name.toUpperCase() },
        body: compress(EMPTY),
        status: 200,
      },
      { name: `${name} header, plain JSON`, headers: json, body: plain, status: 400, code: 3 },
      { name: `${name} header, plain protobuf`, headers: proto, body: plain, status: 400, code: 3 },
      { name: `${name} header, no body`, headers: proto, body: '', status: 400, code: 3 },
      {
        name: `${name}, cut`,
        headers: json,
        body: compress(EMPTY).slice(0, -5),
        status: 400,
        code: 3,
      },
      {
        name: `${name} around bad JSON`,
        headers: json,
        body: compress('{"resourceSpans":7'),
        status: 400,
        code: 3,
      },
    ];
  }),
];
