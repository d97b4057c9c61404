import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type Job, listCode, snapshotAddress } from "../api/jobs.ts";
import { fetchArtifact, listArtifacts } from "../api/mlflow.ts";
import type { Run } from "../api/types.ts";
import { runHash } from "../app/route.ts";
import { ArtifactBrowser } from "../artifacts/ArtifactBrowser.tsx";
import { CopyButton } from "../parts/CopyButton.tsx";
import { FactsCard } from "../parts/Facts.tsx";
import { bytes, plural } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { Empty } from "../parts/States.tsx";

const DIFF = "code/git.diff";
const LONGEST_DIFF = 200_000;

/** The code that a job runs: its files, where they come from, and what of them was not committed. */
export function CodeTab({ run, job, path }: { run: Run; job: Job; path: string }) {
  if (!job.snapshot) {
    return (
      <Empty title="This job has no code of its own">
        <p className="quiet">It runs a command that is there already.</p>
      </Empty>
    );
  }
  return (
    <div className="stack">
      <Files job={job} path={path} />
      <GitCards run={run} />
    </div>
  );
}

function Files({ job, path }: { job: Job; path: string }) {
  const sha256 = job.snapshot;
  const owner = useMemo(() => ({ kind: "code" as const, sha256 }), [sha256]);
  const query = useQuery({
    queryKey: ["code", sha256],
    queryFn: () => listCode(sha256),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <Loaded query={query} label="Loading the code">
      {({ files, is_cut: isCut }) => (
        <>
          <div className="row wrap">
            <span>
              {plural(files.length, "file")}, {bytes(files.reduce((sum, file) => sum + file.size_bytes, 0))}
            </span>
            <span className="quiet row">
              <code>{sha256.slice(0, 12)}</code>
              <CopyButton text={sha256} label="Copy the SHA-256 of the archive" />
            </span>
            <span className="grow" />
            <a className="button small" href={snapshotAddress(sha256)} download>
              <Icon name="download" /> Download all
            </a>
          </div>
          {isCut && <p className="note">There is more in it than is listed here. Download it for all.</p>}
          <ArtifactBrowser
            owner={owner}
            selectedPath={path || job.script}
            isLive={false}
            hrefOf={(file) => runHash(job.experiment_id, job.run_id, "code", file)}
          />
        </>
      )}
    </Loaded>
  );
}

function GitCards({ run }: { run: Run }) {
  const commit = run.tags.get("mlflow.source.git.commit");
  const diff = useQuery({
    queryKey: ["git-diff", run.runId],
    queryFn: async ({ signal }) => {
      const owner = { kind: "run" as const, runId: run.runId };
      const files = await listArtifacts(owner, "code", signal);
      if (!files.some((file) => file.path === DIFF)) return "";
      return (await fetchArtifact(owner, DIFF, signal)).text();
    },
    enabled: commit !== undefined,
    staleTime: 60_000,
  });
  if (!commit) return null;
  return (
    <>
      <FactsCard
        title="Git"
        facts={[
          [
            "Commit",
            <span key="commit" className="row">
              <code className="wrap-anywhere">{commit}</code>
              <CopyButton text={commit} label="Copy the commit" />
            </span>,
          ],
          ["Branch", run.tags.get("mlflow.source.git.branch")],
          ["Repository", run.tags.get("mlflow.source.git.repoURL")],
        ]}
      />
      {diff.data && <DiffCard run={run} text={diff.data} />}
    </>
  );
}

function DiffCard({ run, text }: { run: Run; text: string }) {
  const isCut = text.length > LONGEST_DIFF;
  const lines = (isCut ? text.slice(0, LONGEST_DIFF) : text).split("\n");
  return (
    <section className="card" aria-label="Not committed">
      <header className="row">
        <h2 className="grow">Not committed</h2>
        <a href={runHash(run.experimentId, run.runId, "artifacts", DIFF)}>As a file</a>
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <section className="preview-scroll" tabIndex={0} aria-label="What was not committed">
        <pre className="file-text">
          {lines.map((line, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the lines of a diff never change place
            <span key={at} className={`diff ${lookOf(line)}`}>
              {line}
              {"\n"}
            </span>
          ))}
        </pre>
        {isCut && <p className="quiet card-note">The first part of it. Open the file for the rest.</p>}
      </section>
    </section>
  );
}

function lookOf(line: string): string {
  if (/^(diff |index |--- |\+\+\+ )/.test(line)) return "head";
  if (line.startsWith("@@")) return "place";
  return line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : "";
}
