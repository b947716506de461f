/** Slack's incoming webhooks: blocks, with a text for notifications and old clients. */
import { isFiring, type NotifyMessage } from '#lib/alert/notify-state.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import type { ReceiverOf } from '#lib/config/receiver-schema.ts';
import { heldText, statusOf, summaryOf, titleOf, valueText } from './alert-texts.ts';
import { type Channel, failed, type Sending, type SendOutcome } from './channel.ts';
import type { ChannelContext } from './channel-context.ts';
import { postJson } from './http-post.ts';
import { linksOf } from './message-links.ts';
import { readSecret } from './secrets.ts';

/** Slack takes 50 blocks of 3,000 characters; people read fewer. */
const MAX_SHOWN = 20;
const MAX_SECTION = 2900;
const MAX_HEADER = 150;

export class SlackChannel implements Channel {
  readonly #receiver: ReceiverOf<'slack'>;
  readonly #context: ChannelContext;

  constructor(receiver: ReceiverOf<'slack'>, context: ChannelContext) {
    this.#receiver = receiver;
    this.#context = context;
  }

  async send(message: NotifyMessage, { signal, nowUnixMs }: Sending): Promise<SendOutcome> {
    const url = await readSecret(this.#receiver.url, this.#context);
    if (!url.ok) return failed(url.error);
    const { env, externalUrl } = this.#context;
    const body = slackMessage(message, externalUrl);
    return postJson({ url: url.value, headers: {}, body, signal, nowUnixMs, env });
  }
}

interface Text {
  readonly type: 'plain_text' | 'mrkdwn';
  readonly text: string;
}
type Block =
  | { readonly type: 'header' | 'section'; readonly text: Text }
  | { readonly type: 'context'; readonly elements: readonly Text[] };

export interface SlackMessage {
  readonly text: string;
  readonly blocks: readonly Block[];
}

export function slackMessage(message: NotifyMessage, externalUrl: string): SlackMessage {
  const title = titleOf(message);
  const shown = message.alerts.slice(0, MAX_SHOWN);
  const more = message.alerts.length - shown.length + message.truncatedAlerts;
  const notes = [
    heldText(message),
    more === 0 ? '' : `${more} more: <${externalUrl}/alerts|all alerts>`,
  ].filter((note) => note !== '');
  const lines = shown.map((alert) => `${statusOf(alert)}: ${summaryOf(alert)}`);
  return {
    text: escaped([title, ...lines].join('\n')).slice(0, MAX_SECTION),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: title.slice(0, MAX_HEADER) } },
      ...shown.map((alert): Block => ({ type: 'section', text: sectionOf(alert, externalUrl) })),
      ...notes.map((text): Block => ({ type: 'context', elements: [{ type: 'mrkdwn', text }] })),
    ],
  };
}

function sectionOf(alert: AlertJson, externalUrl: string): Text {
  const links = linksOf(alert, externalUrl);
  const since = slackTime(alert.startsAtUnixMs);
  const until =
    isFiring(alert) || alert.resolvedAtUnixMs === null
      ? ''
      : ` to ${slackTime(alert.resolvedAtUnixMs)}`;
  const { description, summary } = alert.annotations;
  const lines = [
    `*${statusOf(alert).toUpperCase()}* ${alert.severity}: *${escaped(summaryOf(alert))}*`,
    description === undefined || summary === undefined ? '' : escaped(description),
    [escaped(valueText(alert)), `since ${since}${until}`].filter((text) => text !== '').join(', '),
    alert.acknowledged === null ? '' : `acknowledged by ${escaped(alert.acknowledged.by)}`,
  ].filter((line) => line !== '');
  const linked = [
    link(links.incident, 'Incident'),
    link(links.timeline, 'Timeline'),
    link(links.runbook, 'Runbook'),
    isFiring(alert) ? link(links.silence, 'Silence') : '',
  ].filter((text) => text !== '');
  // Links stay whole: what is too long is what people wrote.
  const end = `\n${linked.join(' · ')}`;
  return {
    type: 'mrkdwn',
    text: `${lines.join('\n').slice(0, Math.max(0, MAX_SECTION - end.length))}${end}`,
  };
}

function link(url: string | null, text: string): string {
  return url === null ? '' : `<${escaped(url).replaceAll('|', '%7C')}|${text}>`;
}

/** In the reader's own time zone; UTC where Slack cannot. */
function slackTime(unixMs: number): string {
  const utc = new Date(unixMs).toISOString().slice(0, 19).replace('T', ' ');
  return `<!date^${Math.floor(unixMs / 1000)}^{date_short_pretty} {time_secs}|${utc} UTC>`;
}

/** The three characters that Slack's markup takes for its own. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
