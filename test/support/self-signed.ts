/** Certificates that tests make for themselves: signed by their own key, of any name and any time. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

export interface SelfSigned {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

const HOUR_MS = 3_600_000;
const OID_ECDSA_SHA256 = '06082a8648ce3d040302';
const OID_COMMON_NAME = '0603550403';
const OID_ALT_NAMES = '0603551d11';
const OID_BASIC_CONSTRAINTS = '0603551d13';

/** `ip`: IPv4 it is valid for. By default from an hour ago to an hour from now. */
export function selfSigned(
  ip: string,
  fromUnixMs = Date.now() - HOUR_MS,
  toUnixMs = Date.now() + HOUR_MS,
): SelfSigned {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(hex(OID_ECDSA_SHA256));
  const name = sequence(
    set(sequence(hex(OID_COMMON_NAME), tagged(0x0c, Buffer.from(`test ${ip}`)))),
  );
  // X.509, version 3 (RFC 5280, 4.1).
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    name,
    sequence(utcTime(fromUnixMs), utcTime(toUnixMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(
      0xa3,
      sequence(
        extension(OID_BASIC_CONSTRAINTS, sequence(hex('0101ff'))),
        extension(OID_ALT_NAMES, sequence(tagged(0x87, Buffer.from(ip.split('.').map(Number))))),
      ),
    ),
  );
  const signature = sign('sha256', body, privateKey);
  const bits = tagged(0x03, Buffer.concat([Buffer.from([0]), signature]));
  const certificate = sequence(body, algorithm, bits);
  const lines = certificate
    .toString('base64')
    .match(/.{1,64}/g)!
    .join('\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function extension(oid: string, value: Buffer): Buffer {
  return sequence(hex(oid), tagged(0x04, value));
}

/** "YYMMDDHHMMSSZ" */
function utcTime(unixMs: number): Buffer {
  const digits = new Date(unixMs).toISOString().replace(/\D/g, '').slice(2, 14);
  return tagged(0x17, Buffer.from(`${digits}Z`));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function set(...parts: readonly Buffer[]): Buffer {
  return tagged(0x31, Buffer.concat(parts));
}

/** DER: tag, length, content. */
function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}
