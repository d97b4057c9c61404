import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { serverRoot, workspaceName } from "../api/address.ts";
import { may, useCaller } from "../api/caller.ts";
import { describeWorkspace, getWorkspace, type WorkspaceFacts } from "../api/workspaces.ts";
import { adminHash, experimentsHash, workspacesHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { TextDialog } from "../parts/Dialog.tsx";
import { FactsCard } from "../parts/Facts.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { PageHead } from "../parts/PageHead.tsx";
import { PairsCard } from "../parts/PairsCard.tsx";
import { Snippet } from "../parts/Snippet.tsx";
import { Time } from "../parts/Time.tsx";
import { DeleteWorkspaceDialog } from "./DeleteWorkspaceDialog.tsx";
import { linesOf } from "./lines.ts";
import { mayManage } from "./rights.ts";

/** The Studio of a workspace, at a hash of it. */
const studioOf = (name: string, hash: string) =>
  `${serverRoot()}workspaces/${encodeURIComponent(name)}/${hash}`;

/** One workspace: what it holds, and how it is opened elsewhere. */
export function WorkspaceScreen({ name }: { name: string }) {
  useDocumentTitle(name);
  const query = useQuery({
    queryKey: ["workspaces", name],
    queryFn: ({ signal }) => getWorkspace(name, signal),
    refetchInterval: 10_000,
  });
  return (
    <div className="page stack">
      <PageHead
        trail={[["Workspaces", workspacesHash()]]}
        here={name}
        title={name}
        marks={name === workspaceName() && <span className="pill good">on screen</span>}
        actions={query.data && <Actions workspace={query.data} />}
      />
      <Loaded query={query} label="Loading the workspace">
        {(found) => (
          <>
            {found.description && <p className="wrap-anywhere">{found.description}</p>}
            <div className="overview">
              <div className="stack">
                <FactsCard facts={factsOf(found)} />
                <PairsCard
                  title="Tags"
                  empty="No tags were set."
                  rows={Object.entries(found.tags).map(([key, text]) => ({ key, text }))}
                />
              </div>
              <LinesCard name={found.name} />
            </div>
          </>
        )}
      </Loaded>
    </div>
  );
}

function factsOf(found: WorkspaceFacts): [string, ReactNode][] {
  return [
    [
      "Experiments",
      <span key="experiments" className="number">
        {found.experiment_count}
      </span>,
    ],
    [
      "Runs",
      <span key="runs" className="number">
        {found.run_count}
      </span>,
    ],
    ["Created", <Time key="created" ms={found.created_ms} />],
    ["Subscription", <code key="subscription">{found.subscription_id}</code>],
    ["Resource group", <code key="group">{found.resource_group}</code>],
  ];
}

function LinesCard({ name }: { name: string }) {
  const server = (window.location.origin + serverRoot()).replace(/\/$/, "");
  return (
    <section className="card" aria-label="From code">
      <header>
        <h2>From code</h2>
      </header>
      <div className="card-note stack">
        {linesOf(server, name).map(({ title, code }) => (
          <div key={title} className="stack">
            <h3>{title}</h3>
            <Snippet code={code} />
          </div>
        ))}
        {window.location.protocol === "http:" && (
          <p className="hint">Azure's clients speak HTTPS alone: start the server with --tls self.</p>
        )}
      </div>
    </section>
  );
}

function Actions({ workspace }: { workspace: WorkspaceFacts }) {
  const { name } = workspace;
  const caller = useCaller();
  const queries = useQueryClient();
  const [asked, setAsked] = useState<"describe" | "delete" | null>(null);
  const close = () => setAsked(null);
  return (
    <>
      {name !== workspaceName() && (
        <a className="button" href={studioOf(name, experimentsHash())}>
          Open
        </a>
      )}
      {mayManage(caller, name) && (
        <>
          <a className="button" href={studioOf(name, adminHash("roles"))}>
            <Icon name="share" /> Share
          </a>
          <button type="button" className="button" onClick={() => setAsked("describe")}>
            <Icon name="pencil" /> Describe
          </button>
        </>
      )}
      {may(caller, "ADMINISTER") && !workspace.is_default && (
        <button type="button" className="button danger" onClick={() => setAsked("delete")}>
          <Icon name="trash" /> Delete
        </button>
      )}
      {asked === "describe" && (
        <TextDialog
          title={`Describe ${name}`}
          label="Description"
          action="Save"
          isOptional
          initial={workspace.description}
          onClose={close}
          onText={async (text) => {
            await describeWorkspace(name, text);
            await queries.invalidateQueries({ queryKey: ["workspaces"] });
          }}
        />
      )}
      {asked === "delete" && <DeleteWorkspaceDialog workspace={workspace} onClose={close} />}
    </>
  );
}
