import type { Sweep, Trial } from "../api/sweeps.ts";
import { lookOf, TRIAL_LOOKS } from "./words.ts";

function Pill({ look }: { look: { tone: string; text: string } }) {
  return (
    <span className={`pill ${look.tone}`}>
      <span className="mark" />
      {look.text}
    </span>
  );
}

/** Where a sweep is in its life. */
export const SweepPill = ({ sweep }: { sweep: Sweep }) => <Pill look={lookOf(sweep)} />;

/** What has become of a trial, or where its job is. */
export const TrialPill = ({ trial }: { trial: Trial }) => (
  <Pill look={TRIAL_LOOKS[trial.status] ?? { tone: "", text: trial.status }} />
);
