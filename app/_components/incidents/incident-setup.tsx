'use client';

import type { IncidentDetail } from '#lib/api/incidents.ts';
import { ruleFileYaml } from '#lib/view/rule-yaml.ts';

/** Version, configuration and rules at that moment: what was, not what is. */
export function IncidentSetup({ setup }: { readonly setup: IncidentDetail['setup'] }) {
  const config = Object.entries(setup.config);
  const rules = setup.rules.filter(isRecord);
  return (
    <section className="panel p-3" aria-label="Configuration and rules then">
      <details>
        <summary className="panel-title">
          Configuration and rules then{' '}
          <span className="font-normal text-muted">
            afdscope {setup.version}, {rules.length} rules
          </span>
        </summary>
        <div className="mt-2 grid grid-cols-1 gap-3 lg:grid-cols-2">
          <dl className="min-w-0 text-small">
            {config.map(([key, value]) => (
              <div key={key} className="flex gap-3 border-t border-line py-0.5">
                <dt className="shrink-0 text-muted">{key}</dt>
                <dd className="ml-auto min-w-0 text-right break-all">{value || '–'}</dd>
              </div>
            ))}
            {config.length === 0 && <p className="text-muted">No configuration was kept.</p>}
          </dl>
          <textarea
            readOnly
            aria-label="Rules then"
            className="h-96 min-w-0 resize-y rounded-box border border-line bg-background p-2 font-mono text-small whitespace-pre"
            wrap="off"
            value={ruleFileYaml(rules)}
          />
        </div>
      </details>
    </section>
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
