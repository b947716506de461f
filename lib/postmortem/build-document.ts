/** The facts as a document, its sections in the order in which a reader asks. */
import type { Document, Runs, Section } from './document.ts';
import type { PostmortemFacts } from './facts.ts';
import { utcText } from './instants.ts';
import { pageLink, timelineLink } from './links.ts';
import { adviceSection, changesSection } from './section-changes.ts';
import {
  expertsSection,
  hangsSection,
  layersSection,
  stragglersSection,
} from './section-culprits.ts';
import { incidentSection } from './section-incident.ts';
import {
  alertsSection,
  annotationsSection,
  appendixSection,
  definitionsSection,
  qualitySection,
} from './section-notes.ts';
import { stepsSection } from './section-steps.ts';
import { subtitleOf, verdictSection } from './section-summary.ts';
import { waitsSection } from './section-waits.ts';

export function postmortemDocument(facts: PostmortemFacts): Document {
  const { report, made, setup } = facts;
  return {
    title:
      facts.incident == null
        ? `Post-mortem: ${report.deployment}`
        : `Incident on ${report.deployment}: ${facts.incident.incident.title}`,
    subtitle: subtitleOf(facts),
    sections: [
      verdictSection(facts),
      incidentSection(facts),
      stepsSection(facts),
      hangsSection(facts),
      waitsSection(facts),
      stragglersSection(facts),
      layersSection(facts),
      expertsSection(facts),
      changesSection(facts),
      adviceSection(facts),
      alertsSection(facts),
      annotationsSection(facts),
      qualitySection(facts),
      evidenceSection(facts),
      appendixSection(facts),
      definitionsSection(),
    ],
    footer:
      `Made ${utcText(made.atUnixNs)} by ${setup.versions[0]?.name ?? 'afdscope'} ${setup.versions[0]?.value ?? ''}`.trimEnd(),
  };
}

function evidenceSection(facts: PostmortemFacts): Section {
  const { report, closeUp, steps, baseline, made } = facts;
  const where = closeUp ?? report;
  const items: Runs[] = [
    { text: 'The window on the Overview', link: pageLink(report, '/') },
    { text: 'The window on the timeline', link: pageLink(report, '/timeline') },
    ...steps.slowest.map(({ step, startUnixNs, durationNs }) => ({
      text: `Step ${step} on the timeline`,
      link: timelineLink(report.deployment, startUnixNs, durationNs),
    })),
    { text: 'Stragglers and waits', link: pageLink(where, '/stragglers') },
    { text: 'Balance and what-if', link: pageLink(where, '/balance') },
    { text: 'Layers', link: pageLink(where, '/layers') },
    { text: 'Experts', link: pageLink(where, '/experts') },
    ...(baseline.kind === 'found'
      ? [{ text: 'The baseline on the Overview', link: pageLink(baseline.report, '/') }]
      : []),
  ];
  return {
    id: 'evidence',
    title: 'Evidence',
    // Without a dashboard there is nothing to open.
    blocks: made.baseUrl === null ? [] : [{ kind: 'list', items }],
  };
}
