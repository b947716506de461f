import type { Problem } from '#lib/api/problem.ts';
import { Banner } from './banners.tsx';

/** The parts of the page that could not be filled, by name; the others stand. */
export function WindowProblems({
  problems,
}: {
  readonly problems: readonly { readonly question: string; readonly problem: Problem }[];
}) {
  if (problems.length === 0) return null;
  return (
    <div className="overflow-hidden rounded-box border border-line" role="alert">
      {problems.map(({ question, problem }) => (
        <Banner key={question} severity="warning" word={`No ${question}`}>
          {problem.title}: {problem.detail}
        </Banner>
      ))}
    </div>
  );
}
