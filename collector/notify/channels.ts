/** A channel for each kind of receiver. */
import type { Receiver } from '#lib/config/receiver-schema.ts';
import { AlertmanagerChannel } from './alertmanager.ts';
import type { Channel } from './channel.ts';
import type { ChannelContext } from './channel-context.ts';
import { EmailChannel } from './email.ts';
import { PagerDutyChannel } from './pagerduty.ts';
import { SlackChannel } from './slack.ts';
import { WebhookChannel } from './webhook.ts';

export function channelOf(receiver: Receiver, context: ChannelContext): Channel {
  switch (receiver.kind) {
    case 'webhook':
      return new WebhookChannel(receiver, context);
    case 'slack':
      return new SlackChannel(receiver, context);
    case 'pagerduty':
      return new PagerDutyChannel(receiver, context);
    case 'email':
      return new EmailChannel(receiver, context);
    case 'alertmanager':
      return new AlertmanagerChannel(receiver, context);
  }
}
