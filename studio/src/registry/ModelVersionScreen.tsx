import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useMemo, useState } from "react";
import { getRun } from "../api/mlflow.ts";
import {
  deleteAlias,
  deleteModelVersion,
  describeModelVersion,
  getModelVersion,
  type RegistryKind,
  setAlias,
} from "../api/registry.ts";
import type { ModelVersion, Run } from "../api/types.ts";
import { go } from "../app/location.ts";
import { modelHash, modelVersionHash, registeredModelHash, registryHash, runHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { ArtifactBrowser } from "../artifacts/ArtifactBrowser.tsx";
import { CopyButton } from "../parts/CopyButton.tsx";
import { Dialog, TextDialog } from "../parts/Dialog.tsx";
import { FactsCard } from "../parts/Facts.tsx";
import { number } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { IconButton } from "../parts/IconButton.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { Note } from "../parts/Note.tsx";
import { NoteDialog } from "../parts/NoteDialog.tsx";
import { PageHead } from "../parts/PageHead.tsx";
import { PairsCard } from "../parts/PairsCard.tsx";
import { Time } from "../parts/Time.tsx";
import { byName } from "../runs/columns.ts";
import { isInnerTag, PROMPT_TEXT_TAG, TITLES } from "./words.ts";

interface Props {
  kind: RegistryKind;
  name: string;
  version: string;
  artifactPath: string;
}

async function refresh(queries: QueryClient, name: string): Promise<void> {
  await queries.invalidateQueries({ queryKey: ["model-version", name] });
  await queries.invalidateQueries({ queryKey: ["model-versions", name] });
  await queries.invalidateQueries({ queryKey: ["registered-models"] });
}

/** One version of a registered model, or of a prompt: where it comes from, and what points to it. */
export function ModelVersionScreen({ kind, name, version, artifactPath }: Props) {
  useDocumentTitle(`${name}, version ${version}`);
  const [asked, setAsked] = useState<"describe" | "delete" | null>(null);
  const queries = useQueryClient();
  const query = useQuery({
    queryKey: ["model-version", name, version],
    queryFn: ({ signal }) => getModelVersion(name, version, signal),
    refetchInterval: 10_000,
  });
  const close = () => setAsked(null);
  return (
    <div className="page stack">
      <PageHead
        trail={[
          [TITLES[kind], registryHash(kind)],
          [name, registeredModelHash(kind, name)],
        ]}
        here={`Version ${version}`}
        title={
          <>
            {name} <span className="quiet">version {version}</span>
          </>
        }
        actions={
          <>
            <button type="button" className="button" onClick={() => setAsked("describe")}>
              <Icon name="pencil" /> Describe
            </button>
            <button type="button" className="button danger" onClick={() => setAsked("delete")}>
              <Icon name="trash" /> Delete
            </button>
          </>
        }
      />
      <Loaded query={query} label="Loading the version">
        {(found) => (
          <>
            <Content kind={kind} found={found} artifactPath={artifactPath} />
            {asked === "describe" && (
              <NoteDialog
                title={`Describe version ${version}`}
                initial={found.description}
                onClose={close}
                onText={async (text) => {
                  await describeModelVersion(name, version, text);
                  await refresh(queries, name);
                }}
              />
            )}
          </>
        )}
      </Loaded>
      {asked === "delete" && (
        <Dialog
          title={`Delete version ${version} of “${name}”?`}
          action="Delete"
          isDanger
          onClose={close}
          onConfirm={async () => {
            await deleteModelVersion(name, version);
            go(registeredModelHash(kind, name));
            await refresh(queries, name);
          }}
        >
          <p>It goes for good, with the aliases that point to it. The run that it came from stays.</p>
        </Dialog>
      )}
    </div>
  );
}

function Content({
  kind,
  found,
  artifactPath,
}: {
  kind: RegistryKind;
  found: ModelVersion;
  artifactPath: string;
}) {
  const { name, version } = found;
  const run = useQuery({
    queryKey: ["run", found.runId],
    queryFn: ({ signal }) => getRun(found.runId, signal),
    enabled: found.runId !== "",
    retry: false,
  });
  const owner = useMemo(() => ({ kind: "version" as const, name, version }), [name, version]);
  const prompt = found.tags.get(PROMPT_TEXT_TAG);
  return (
    <>
      {found.description && <Note text={found.description} />}
      <div className="overview">
        <div className="stack">
          <FactsCard facts={factsOf(found, run.data)} />
          <AliasesCard found={found} />
        </div>
        <div className="stack">
          {run.data && <MetricsCard run={run.data} />}
          <PairsCard
            title="Tags"
            empty="No tags were set."
            rows={[...found.tags].filter(([key]) => !isInnerTag(key)).map(([key, text]) => ({ key, text }))}
          />
        </div>
      </div>
      {prompt === undefined ? (
        <ArtifactBrowser
          owner={owner}
          selectedPath={artifactPath}
          isLive={false}
          hrefOf={(path) => modelVersionHash(kind, name, version, path)}
        />
      ) : (
        <section className="card" aria-label="Text of the prompt">
          <header className="row">
            <h2 className="grow">Text</h2>
            <CopyButton text={prompt} label="Copy the prompt" />
          </header>
          <pre className="card-note note-text wrap-anywhere">{prompt}</pre>
        </section>
      )}
    </>
  );
}

function factsOf(found: ModelVersion, run: Run | undefined): [string, ReactNode][] {
  const address = `models:/${found.name}/${found.version}`;
  return [
    ["Registered", <Time key="registered" ms={found.createdMs} />],
    ["Changed", <Time key="changed" ms={found.updatedMs} />],
    ["By", found.user || undefined],
    [
      "Address",
      <span key="address" className="row">
        <code>{address}</code>
        <CopyButton text={address} label="Copy the address" />
      </span>,
    ],
    [
      "From run",
      run ? (
        <a key="run" href={runHash(run.experimentId, run.runId)}>
          {run.name}
        </a>
      ) : (
        found.runId || undefined
      ),
    ],
    [
      "From logged model",
      found.modelId && run ? (
        <a key="model" className="mono" href={modelHash(run.experimentId, found.modelId)}>
          {found.modelId}
        </a>
      ) : (
        found.modelId || undefined
      ),
    ],
    ["Source", found.source || undefined],
  ];
}

function MetricsCard({ run }: { run: Run }) {
  const metrics = [...run.metrics.values()].sort((a, b) => byName(a.key, b.key));
  return (
    <PairsCard
      title="Metrics of its run"
      empty="No metrics were logged."
      rows={metrics.map((metric) => ({
        key: metric.key,
        text: String(metric.value),
        shown: <span className="number">{number(metric.value)}</span>,
      }))}
    />
  );
}

/** The aliases of a version; another version loses an alias that is given to this one. */
function AliasesCard({ found }: { found: ModelVersion }) {
  const [isAdding, setIsAdding] = useState(false);
  const queries = useQueryClient();
  return (
    <section className="card" aria-label="Aliases">
      <header className="row">
        <h2 className="grow">Aliases</h2>
        <button type="button" className="button" onClick={() => setIsAdding(true)}>
          <Icon name="plus" /> Add an alias
        </button>
      </header>
      {found.aliases.length === 0 ? (
        <p className="quiet card-note wrap-anywhere">
          None. Programs load a version by alias: models:/{found.name}@champion
        </p>
      ) : (
        <ul className="card-note stack">
          {found.aliases.map((alias) => (
            <li key={alias} className="row">
              <code className="grow wrap-anywhere">@{alias}</code>
              <IconButton
                icon="trash"
                label={`Remove the alias ${alias}`}
                onClick={() => void deleteAlias(found.name, alias).then(() => refresh(queries, found.name))}
              />
            </li>
          ))}
        </ul>
      )}
      {isAdding && (
        <TextDialog
          title={`Add an alias to version ${found.version}`}
          label="Alias"
          action="Add"
          hint="If another version has it, it moves here."
          onClose={() => setIsAdding(false)}
          onText={async (alias) => {
            await setAlias(found.name, alias, found.version);
            await refresh(queries, found.name);
          }}
        />
      )}
    </section>
  );
}
