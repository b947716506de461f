'use client';

import { CircleAlertIcon } from 'lucide-react';
import Link from 'next/link';
import type { Evidence } from '#lib/view/verdict-piece.ts';
import type { VerdictSentence } from '#lib/view/verdict-text.ts';

/** The verdict in words, its nouns links to the evidence. */
export function VerdictWords({
  sentence,
  linkOf,
}: {
  readonly sentence: VerdictSentence;
  readonly linkOf: (evidence: Evidence) => string;
}) {
  const isCritical = sentence.severity === 'critical';
  return (
    <>
      {isCritical && (
        <CircleAlertIcon
          size={17}
          aria-hidden
          className="mr-1.5 inline align-[-3px] text-critical"
        />
      )}
      {sentence.pieces.map((piece, index) => {
        const key = `${index}-${piece.text}`;
        const text = piece.strong ? (
          <strong className={isCritical && index === 0 ? 'text-critical' : ''}>{piece.text}</strong>
        ) : (
          piece.text
        );
        if (piece.evidence === undefined) {
          return (
            <span key={key} title={piece.title}>
              {text}
            </span>
          );
        }
        return (
          <Link
            key={key}
            href={linkOf(piece.evidence)}
            prefetch={false}
            title={piece.title}
            className="text-accent underline decoration-1 underline-offset-3"
          >
            {text}
          </Link>
        );
      })}{' '}
      {sentence.confidence !== null && (
        <span
          className="ml-1 rounded-box border border-line px-1.5 py-0.5 align-middle text-tiny whitespace-nowrap text-muted"
          title={sentence.confidence.title}
        >
          {sentence.confidence.word}
        </span>
      )}
    </>
  );
}
