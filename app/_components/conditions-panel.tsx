'use client';

import type { Condition } from '#lib/api/condition.ts';
import { conditionTitle, sinceText } from '#lib/view/condition-text.ts';
import { useNow } from './use-now.ts';

/** What is wrong as a whole, with all its facts; the banner says it shorter. */
export function ConditionsPanel({ conditions }: { readonly conditions: readonly Condition[] }) {
  const now = useNow(1_000);
  if (conditions.length === 0) return null;
  return (
    <section className="panel p-3" aria-label="Conditions" data-testid="conditions">
      <h2 className="panel-title mb-1.5">Conditions</h2>
      <table className="w-full text-small">
        <thead className="text-muted">
          <tr>
            {['Condition', 'Since', 'What', 'What to do'].map((name) => (
              <th key={name} scope="col" className="py-1 pr-3 text-left font-normal">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {conditions.map((condition) => (
            <tr key={condition.name} className="border-t border-line align-top">
              <th scope="row" className="py-1 pr-3 text-left font-normal whitespace-nowrap">
                <span
                  className={condition.severity === 'critical' ? 'text-critical' : 'text-warning'}
                >
                  {conditionTitle(condition.name)}
                </span>{' '}
                <code className="text-muted">{condition.name}</code>
              </th>
              <td className="py-1 pr-3 whitespace-nowrap">
                {sinceText(condition, now).replace('since ', '')}
              </td>
              <td className="py-1 pr-3 break-words [overflow-wrap:anywhere]">{condition.detail}</td>
              <td className="py-1 text-muted">{condition.remedy}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
