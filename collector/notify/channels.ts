/** A channel for each kind of receiver. */
import type { Receiver } from '#lib/config/receiver-schema.ts';
import type { Channel } from './channel.ts';
import { type ChannelContext, WebhookChannel } from './webhook.ts';

export function channelOf(receiver: Receiver, context: ChannelContext): Channel {
  switch (receiver.kind) {
    case 'webhook':
      return new WebhookChannel(receiver, context);
    default:
      throw new Error(`no channel for ${receiver.kind}`);
  }
}
