import type { Problem } from '#lib/api/problem.ts';
import { Banner } from './banner.tsx';

/** The parts of the page that could not be filled, by name; the others stand. */
export function WindowProblems({
  problems,
}: {
  readonly problems: readonly { readonly question: string; readonly problem: Problem }[];
}) {
  if (problems.length === 0) return null;
  // One cause often takes several questions down: it is said once.
  const byDetail = new Map<string, { problem: Problem; questions: string[] }>();
  for (const { question, problem } of problems) {
    const known = byDetail.get(problem.detail) ?? { problem, questions: [] };
    known.questions.push(question);
    byDetail.set(problem.detail, known);
  }
  return (
    <div className="overflow-hidden rounded-box border border-line" role="alert">
      {[...byDetail].map(([detail, { problem, questions }]) => (
        <Banner key={detail} severity="warning" word={`No ${questions.join(', ')}`}>
          {problem.title}: {detail}
        </Banner>
      ))}
    </div>
  );
}
