/**
 * The causes of waiting as the pages show them: name, order, colour, hatch.
 *
 * A wait is hatched in the colour of what is waited for. What one worker costs over its group's
 * median stands out in the colours of severity: uneven load as a warning, a slow device as critical.
 */
import type { CauseName } from '#lib/api/waits.ts';
import type { Term } from './definitions.ts';
import { STAGE_COLOURS, SURFACES, type ThemeName } from './palette.ts';

export interface CauseLook {
  readonly name: CauseName;
  readonly label: string;
  readonly term: Term;
}

/** In the order in which bars stack them: from one side over the network to the other, then the rest. */
export const CAUSES: readonly CauseLook[] = [
  { name: 'a2fNetworkNs', label: 'A2F network', term: 'causeA2fNetwork' },
  { name: 'fanInNs', label: 'fan-in', term: 'causeFanIn' },
  { name: 'peerQueueNs', label: 'peer queue', term: 'causePeerQueue' },
  { name: 'peerComputeNs', label: 'peer compute', term: 'causePeerCompute' },
  { name: 'loadExcessNs', label: 'load excess', term: 'causeLoadExcess' },
  { name: 'deviceExcessNs', label: 'device excess', term: 'causeDeviceExcess' },
  { name: 'f2aNetworkNs', label: 'F2A network', term: 'causeF2aNetwork' },
  { name: 'peerHostNs', label: 'peer host gap', term: 'causePeerHost' },
  { name: 'fillDrainNs', label: 'fill and drain', term: 'causeFillDrain' },
  { name: 'unknownNs', label: 'unknown', term: 'causeUnknown' },
];

export function isCause(name: string): name is CauseName {
  return CAUSES.some((cause) => cause.name === name);
}

export function causeLook(name: CauseName): CauseLook {
  return CAUSES.find((cause) => cause.name === name) ?? CAUSES[CAUSES.length - 1]!;
}

/** Colour of the hatch; `role` is that of the worker that waits. */
export function causeColour(name: CauseName, role: string, theme: ThemeName): string {
  const surface = SURFACES[theme];
  switch (name) {
    case 'a2fNetworkNs':
      return STAGE_COLOURS.a2f;
    case 'fanInNs':
      return STAGE_COLOURS.gate;
    case 'peerQueueNs':
      return STAGE_COLOURS.shared_expert;
    case 'peerComputeNs':
      return role === 'ffn' ? STAGE_COLOURS.attention : STAGE_COLOURS.expert;
    case 'loadExcessNs':
      return surface.warning;
    case 'deviceExcessNs':
      return surface.critical;
    case 'f2aNetworkNs':
      return STAGE_COLOURS.f2a;
    case 'peerHostNs':
      return STAGE_COLOURS.host;
    case 'fillDrainNs':
      return STAGE_COLOURS.sample;
    case 'unknownNs':
      return STAGE_COLOURS.host;
  }
}
