import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import {
  changeEnvironment,
  type Environment,
  getEnvironment,
  listEnvironmentVersions,
} from "../api/assets.ts";
import { may, useCaller } from "../api/caller.ts";
import { environmentHash, environmentsHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { DescribeDialog } from "../parts/DescribeDialog.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { FactsCard } from "../parts/Facts.tsx";
import { Icon } from "../parts/Icon.tsx";
import { addressOnScreen, Lines } from "../parts/Lines.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { Note } from "../parts/Note.tsx";
import { PageHead } from "../parts/PageHead.tsx";
import { PairsCard } from "../parts/PairsCard.tsx";
import { TextCard } from "../parts/TextCard.tsx";
import { Time } from "../parts/Time.tsx";
import { environmentInPython, environmentInShell } from "./environmentWords.ts";
import { RegisterEnvironmentDialog } from "./RegisterEnvironmentDialog.tsx";
import { VersionsCard } from "./VersionsCard.tsx";

const pairs = (values: Record<string, string>) =>
  Object.entries(values).map(([key, text]) => ({ key, text }));

/** One version of an environment, the one registered last unless it is named, beside the others. */
export function EnvironmentScreen({ name, version }: { name: string; version: string | null }) {
  useDocumentTitle(version ? `${name}, version ${version}` : name);
  const query = useQuery({
    queryKey: ["environments", name, version],
    queryFn: ({ signal }) => getEnvironment(name, version, signal),
    refetchInterval: 10_000,
  });
  return (
    <div className="page stack">
      <PageHead
        trail={[["Environments", environmentsHash()]]}
        here={name}
        title={
          <>
            {name} {query.data && <span className="quiet">version {query.data.version}</span>}
          </>
        }
        marks={
          <>
            {query.data?.is_archived && <span className="pill">archived</span>}
            {query.data?.is_curated && <span className="pill">comes with the server</span>}
          </>
        }
        actions={query.data && <Actions environment={query.data} />}
      />
      <Loaded query={query} label="Loading the environment">
        {(found) => <Content found={found} />}
      </Loaded>
    </div>
  );
}

function Content({ found }: { found: Environment }) {
  const { name, version, docker } = found;
  return (
    <>
      {found.description && <Note text={found.description} />}
      <div className="overview">
        <div className="stack">
          <FactsCard facts={factsOf(found)} />
          {!found.is_curated && (
            <VersionsCard
              queryKey={["environments", name, "versions"]}
              shown={version}
              hrefOf={(each) => environmentHash(name, each)}
              listVersions={async (token, signal) => {
                const page = await listEnvironmentVersions(name, token, signal);
                return { items: page.environments, nextToken: page.next_page_token };
              }}
            />
          )}
          <Lines
            python={environmentInPython(addressOnScreen(), name, version)}
            shell={environmentInShell(addressOnScreen(), name, version)}
          />
        </div>
        <div className="stack">
          <PackagesCard found={found} />
          {docker.dockerfile && <TextCard title="Dockerfile" text={docker.dockerfile} empty="" />}
          <PairsCard title="Variables" empty="No variables are set." rows={pairs(found.variables)} />
          <PairsCard title="Tags" empty="No tags were set." rows={pairs(found.tags)} />
        </div>
      </div>
    </>
  );
}

function factsOf({ python, docker, ...found }: Environment): [string, ReactNode][] {
  return [
    ["Image", docker.image && <code>{docker.image}</code>],
    ["Shared memory", docker.shm_size],
    ["Python", <code key="python">{python.interpreter}</code>],
    ["Packages", python.user_managed && "are there already; nothing is installed"],
    ["Channels", python.conda.channels.join(", ")],
    ["Registered", !found.is_curated && <Time ms={found.created_ms} />],
    ["By", found.created_by],
  ];
}

function PackagesCard({ found }: { found: Environment }) {
  const { packages, pip } = found.python.conda;
  const text = [
    ...(packages.length > 0 ? ["# conda", ...packages] : []),
    ...(pip.length > 0 ? ["# pip", ...pip] : []),
  ].join("\n");
  return <TextCard title="Packages" text={text} empty="None are named." />;
}

function Actions({ environment }: { environment: Environment }) {
  const { name, is_archived: isArchived, is_curated: isCurated } = environment;
  const caller = useCaller();
  const queries = useQueryClient();
  const [asked, setAsked] = useState<"register" | "describe" | "archive" | null>(null);
  const refresh = () => queries.invalidateQueries({ queryKey: ["environments"] });
  const close = () => setAsked(null);
  if (!may(caller, "CONTRIBUTE")) return null;
  const verb = isArchived ? "Restore" : "Archive";
  return (
    <>
      {!isArchived && (
        <button type="button" className="button" onClick={() => setAsked("register")}>
          <Icon name="copy" /> {isCurated ? "Clone" : "New version"}
        </button>
      )}
      {!isCurated && (
        <>
          <button type="button" className="button" onClick={() => setAsked("describe")}>
            <Icon name="pencil" /> Describe
          </button>
          <button type="button" className="button" onClick={() => setAsked("archive")}>
            <Icon name={isArchived ? "restore" : "folder"} /> {verb}
          </button>
        </>
      )}
      {asked === "register" && <RegisterEnvironmentDialog base={environment} onClose={close} />}
      {asked === "describe" && (
        <DescribeDialog
          title={`Describe ${name}`}
          hint="It is of the name, with all its versions."
          initial={environment}
          onClose={close}
          onSave={async (words) => {
            await changeEnvironment(name, words);
            await refresh();
          }}
        />
      )}
      {asked === "archive" && (
        <Dialog
          title={`${verb} “${name}”?`}
          action={verb}
          onClose={close}
          onConfirm={async () => {
            await changeEnvironment(name, { is_archived: !isArchived });
            await refresh();
          }}
        >
          <p>
            {isArchived
              ? "It is in the lists again, and takes new versions."
              : "It is left out of lists and takes no new versions. Whoever names it still finds it."}
          </p>
        </Dialog>
      )}
    </>
  );
}
