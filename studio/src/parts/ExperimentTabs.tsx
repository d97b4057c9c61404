import {
  evaluationDatasetsHash,
  evaluationRunsHash,
  experimentHash,
  scorersHash,
  sessionsHash,
  tracesHash,
} from "../app/route.ts";

const TABS = [
  ["Runs", experimentHash],
  ["Traces", tracesHash],
  ["Sessions", sessionsHash],
  ["Datasets", evaluationDatasetsHash],
  ["Evaluations", (experimentId: string) => evaluationRunsHash(experimentId)],
  ["Judges", scorersHash],
] as const;

/** Goes between what an experiment holds. */
export function ExperimentTabs({
  experimentId,
  shown,
}: {
  experimentId: string;
  shown: (typeof TABS)[number][0];
}) {
  return (
    <nav className="tabs" aria-label="Parts of the experiment">
      {TABS.map(([title, hashOf]) => (
        <a key={title} href={hashOf(experimentId)} aria-current={title === shown ? "page" : undefined}>
          {title}
        </a>
      ))}
    </nav>
  );
}
