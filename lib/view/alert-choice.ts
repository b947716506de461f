/** What the pages of alerts, rules and incidents show, as the URL holds it. */

export const ALERT_TABS = ['active', 'history', 'silences', 'deliveries'] as const;
export type AlertTab = (typeof ALERT_TABS)[number];

/** Which episodes of the history: `fired`; `flapping` ones alone; `pending` that never fired, too. */
export const HISTORY_FILTERS = ['fired', 'flapping', 'pending'] as const;
export type HistoryFilter = (typeof HISTORY_FILTERS)[number];

/** How far back a rule is tried. */
export const PREVIEW_HOURS = [1, 6, 24, 168] as const;
export type PreviewHours = (typeof PREVIEW_HOURS)[number];

export interface AlertChoice {
  readonly tab: AlertTab;
  /** Alerts of the page's deployment alone, not of all. */
  readonly isOneDeployment: boolean;
  /** The rule that is edited, or that the history is about; null: none, all. */
  readonly rule: string | null;
  /** The alert whose details are open; null: none. */
  readonly alert: string | null;
  readonly history: HistoryFilter;
  readonly previewHours: PreviewHours;
  /** The rule is written as YAML. */
  readonly isYaml: boolean;
  /** Closed incidents are listed, too. */
  readonly allIncidents: boolean;
}

export const DEFAULT_ALERT_CHOICE: AlertChoice = {
  tab: 'active',
  isOneDeployment: false,
  rule: null,
  alert: null,
  history: 'fired',
  previewHours: 6,
  isYaml: false,
  allIncidents: false,
};

export function parseAlertChoice(search: URLSearchParams): AlertChoice {
  const tab = search.get('tab');
  const history = search.get('history');
  const hours = Number(search.get('hours'));
  return {
    tab: ALERT_TABS.find((name) => name === tab) ?? DEFAULT_ALERT_CHOICE.tab,
    isOneDeployment: search.get('scope') === 'one',
    rule: search.get('rule') || null,
    alert: search.get('alert') || null,
    history: HISTORY_FILTERS.find((name) => name === history) ?? DEFAULT_ALERT_CHOICE.history,
    previewHours:
      PREVIEW_HOURS.find((count) => count === hours) ?? DEFAULT_ALERT_CHOICE.previewHours,
    isYaml: search.get('as') === 'yaml',
    allIncidents: search.get('incidents') === 'all',
  };
}

export function serializeAlertChoice(choice: AlertChoice, search: URLSearchParams): void {
  if (choice.tab !== DEFAULT_ALERT_CHOICE.tab) search.set('tab', choice.tab);
  if (choice.isOneDeployment) search.set('scope', 'one');
  if (choice.rule !== null) search.set('rule', choice.rule);
  if (choice.alert !== null) search.set('alert', choice.alert);
  if (choice.history !== DEFAULT_ALERT_CHOICE.history) search.set('history', choice.history);
  if (choice.previewHours !== DEFAULT_ALERT_CHOICE.previewHours) {
    search.set('hours', String(choice.previewHours));
  }
  if (choice.isYaml) search.set('as', 'yaml');
  if (choice.allIncidents) search.set('incidents', 'all');
}
