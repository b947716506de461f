/** The text and the HTML of an e-mail. */
import { isFiring, type NotifyMessage } from '#lib/alert/notify-state.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import {
  heldText,
  rfc3339,
  shownLabels,
  statusOf,
  summaryOf,
  titleOf,
  valueText,
} from './alert-texts.ts';
import { linksOf } from './message-links.ts';

export interface EmailText {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** More than that nobody reads in a mail; the page has them all. */
const MAX_SHOWN = 50;
const MAX_SUBJECT = 200;

export function emailText(message: NotifyMessage, externalUrl: string): EmailText {
  const title = titleOf(message);
  const shown = message.alerts.slice(0, MAX_SHOWN);
  const more = message.alerts.length - shown.length + message.truncatedAlerts;
  const notes = [heldText(message), more === 0 ? '' : `${more} more: ${externalUrl}/alerts`].filter(
    (note) => note !== '',
  );
  return {
    subject: title.replace(/\s+/g, ' ').slice(0, MAX_SUBJECT),
    text: [
      title,
      '',
      ...shown.flatMap((alert) => [...plainLines(alert, externalUrl), '']),
      ...notes,
    ].join('\n'),
    html: [
      '<!doctype html><html lang="en"><meta charset="utf-8"><body style="font-family:sans-serif">',
      `<h2 style="font-size:18px">${escaped(title)}</h2>`,
      ...shown.map((alert) => htmlOf(alert, externalUrl)),
      ...notes.map((note) => `<p>${escaped(note)}</p>`),
      '</body></html>',
    ].join('\n'),
  };
}

function facts(alert: AlertJson): (readonly [name: string, text: string])[] {
  const { annotations, resolvedAtUnixMs, acknowledged } = alert;
  const labels = Object.entries(shownLabels(alert)).map(([name, text]) => `${name}=${text}`);
  const all: (readonly [string, string])[] = [
    ['about', annotations.summary === undefined ? '' : (annotations.description ?? '')],
    ['value', valueText(alert)],
    ['began', rfc3339(alert.startsAtUnixMs)],
    ['ended', isFiring(alert) || resolvedAtUnixMs === null ? '' : rfc3339(resolvedAtUnixMs)],
    ['labels', labels.join(', ')],
    ['acknowledged by', acknowledged?.by ?? ''],
  ];
  return all.filter(([, text]) => text !== '');
}

function linkList(alert: AlertJson, externalUrl: string): (readonly [name: string, url: string])[] {
  const links = linksOf(alert, externalUrl);
  const all: (readonly [string, string | null])[] = [
    ['Incident', links.incident],
    ['Timeline', links.timeline],
    ['Silence', isFiring(alert) ? links.silence : null],
    ['Runbook', links.runbook],
  ];
  return all.flatMap(([name, url]) => (url === null ? [] : [[name, url] as const]));
}

function plainLines(alert: AlertJson, externalUrl: string): string[] {
  return [
    `${statusOf(alert).toUpperCase()} ${alert.severity}: ${summaryOf(alert)}`,
    ...facts(alert).map(([name, text]) => `  ${name}: ${text}`),
    ...linkList(alert, externalUrl).map(([name, url]) => `  ${name}: ${url}`),
  ];
}

/** Dark enough on white; colour is never the only sign. */
const EDGE = { firing: '#b42318', resolved: '#067647' } as const;

function htmlOf(alert: AlertJson, externalUrl: string): string {
  const links = linkList(alert, externalUrl).map(
    ([name, url]) => `<a href="${escaped(url)}">${name}</a>`,
  );
  const status = statusOf(alert);
  return [
    `<div style="border-left:4px solid ${EDGE[status]};padding:4px 12px;margin:12px 0">`,
    `<p><strong>${status.toUpperCase()} ${alert.severity}: ${escaped(summaryOf(alert))}</strong></p>`,
    '<table cellpadding="2" style="font-size:14px">',
    ...facts(alert).map(
      ([name, text]) => `<tr><td style="color:#475467">${name}</td><td>${escaped(text)}</td></tr>`,
    ),
    `</table><p>${links.join(' · ')}</p></div>`,
  ].join('\n');
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
