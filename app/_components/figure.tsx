import { DEFINITIONS, definitionText, type Term } from '#lib/view/definitions.ts';
import type { Figure } from '#lib/view/format.ts';

/** A value with its unit; the exact value and the definition on hover. */
export function Fig({
  figure,
  term,
  className,
}: {
  readonly figure: Figure;
  readonly term?: Term;
  readonly className?: string;
}) {
  const title = term === undefined ? figure.exact : definitionText(term, figure.exact);
  return (
    <span className={className} title={title}>
      {figure.value}
      {figure.unit !== '' && (
        <>
          {' '}
          <span className="unit">{figure.unit}</span>
        </>
      )}
    </span>
  );
}

/** The name of a figure, with its definition on hover. */
export function TermName({ term, children }: { readonly term: Term; readonly children?: string }) {
  return (
    <span className="defined" title={definitionText(term)}>
      {children ?? DEFINITIONS[term].name}
    </span>
  );
}
