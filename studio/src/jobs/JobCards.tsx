import type { ReactNode } from "react";
import type { DataPlace, Job } from "../api/jobs.ts";
import { computeTargetHash, datastoreHash, environmentHash, jobsHash, runHash } from "../app/route.ts";
import { CopyButton } from "../parts/CopyButton.tsx";
import { FactsCard } from "../parts/Facts.tsx";
import { duration } from "../parts/format.ts";
import { PairsCard } from "../parts/PairsCard.tsx";
import { Duration, Time } from "../parts/Time.tsx";
import { dataOf, isOver, lineOf, type Step, stepsOf, whyOf, wordsOf } from "./words.ts";

/** Where the job of a run is, and what it runs. */
export function JobCards({ job }: { job: Job }) {
  return (
    <>
      <section className="card" aria-label="Job">
        <header className="row">
          <h2 className="grow">Job</h2>
          <a href={jobsHash()}>All jobs</a>
        </header>
        <ol className="steps">
          {stepsOf(job).map((step) => (
            <StepMark key={step.name} step={step} />
          ))}
        </ol>
        {whyOf(job) && (
          <p
            className={`note steps-note wrap-anywhere ${job.status === "failed" || job.status === "lost" ? "bad" : ""}`}
          >
            {whyOf(job)}
          </p>
        )}
      </section>
      <div className="overview">
        <FactsCard title="Where and when" facts={placeOf(job)} />
        <div className="stack">
          <CommandCard job={job} />
          <DataCard job={job} />
          {Object.keys(job.variables).length > 0 && (
            <PairsCard
              title="Variables"
              empty=""
              rows={Object.entries(job.variables).map(([key, text]) => ({ key, text }))}
            />
          )}
        </div>
      </div>
    </>
  );
}

function StepMark({ step }: { step: Step }) {
  return (
    <li
      className={`step ${step.state.replace(" ", "-")}`}
      aria-current={step.state === "now" ? "step" : undefined}
    >
      <span className="step-mark" aria-hidden="true" />
      <span>
        <span className="strong">{step.name}</span>
        {step.state === "left out" && <span className="visually-hidden"> (left out)</span>}
        {step.atMs !== null && (
          <span className="quiet step-time">
            <Time ms={step.atMs} />
          </span>
        )}
      </span>
    </li>
  );
}

function placeOf(job: Job): [string, ReactNode][] {
  const attempts =
    job.max_attempts > 1 ? `${job.attempt} of ${job.max_attempts}` : job.attempt > 1 && job.attempt;
  return [
    [
      "Compute",
      <a key="compute" href={computeTargetHash(job.compute)}>
        {job.compute}
      </a>,
    ],
    ["Slots", job.slots],
    ["Machine", job.host],
    ["Submitted by", job.submitted_by],
    [
      "Waited",
      <Duration key="waited" startedMs={job.submitted_ms} endedMs={job.started_ms ?? job.ended_ms} />,
    ],
    ["Ran", job.started_ms !== null && <Duration startedMs={job.started_ms} endedMs={job.ended_ms} />],
    ["Attempt", attempts],
    ["Exit code", isOver(job) && job.exit_code !== null && String(job.exit_code)],
    ["Priority", job.priority !== 0 && String(job.priority)],
    ["At most", job.max_duration_s > 0 && duration(job.max_duration_s * 1000)],
    ["Azure ML script", job.is_azureml && "yes: its azureml is Runyard's SDK"],
    [
      "Environment",
      job.environment_name ? (
        <a
          key="environment"
          href={environmentHash(job.environment_name, job.environment_version || undefined)}
        >
          {job.environment_name}
          {job.environment_version > 0 && `, version ${job.environment_version}`}
        </a>
      ) : (
        <a key="environment" href={runHash(job.experiment_id, job.run_id, "environment")}>
          its own
        </a>
      ),
    ],
    [
      "Code",
      job.snapshot && (
        <a key="code" className="mono" href={runHash(job.experiment_id, job.run_id, "code")}>
          {job.snapshot.slice(0, 12)}
        </a>
      ),
    ],
  ];
}

/** Files that are brought to the job, and folders of it that are sent away. */
function DataCard({ job }: { job: Job }) {
  const data = dataOf(job);
  if (data.length === 0) return null;
  const facts = data.map(({ way, name, places }): [string, ReactNode] => [
    way === "in" ? `${name} (in)` : `${name} (out)`,
    places.length === 0 ? "a dataset, by its name" : <Places key={name} places={places} />,
  ]);
  return <FactsCard title="Data" facts={facts} />;
}

function Places({ places }: { places: DataPlace[] }) {
  return (
    <span className="stack wrap-anywhere">
      {places.map(({ datastore, path }) =>
        datastore ? (
          <a key={`${datastore}/${path}`} href={datastoreHash(datastore, path)}>
            {datastore}/{path}
          </a>
        ) : (
          <span key={path}>{path}</span>
        ),
      )}
    </span>
  );
}

/** What the process is started with, each word by itself: spaces and quotes in them are theirs. */
function CommandCard({ job }: { job: Job }) {
  const [first = "", ...rest] = wordsOf(job);
  return (
    <section className="card" aria-label="Command">
      <header className="row">
        <h2 className="grow">{job.script ? "Script" : "Command"}</h2>
        <CopyButton text={lineOf(job)} label="Copy it as a line for a shell" />
      </header>
      <div className="card-note words">
        <code className="word first">{first}</code>
        {rest.map((word, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: words may repeat, and never change place
          <code key={at} className="word">
            {word === "" ? <span className="quiet">empty</span> : word}
          </code>
        ))}
      </div>
    </section>
  );
}
