import { keepPreviousData, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { trackingUri } from "../api/address.ts";
import {
  createRegisteredModel,
  REGISTRY_KINDS,
  type RegistryKind,
  searchRegisteredModels,
} from "../api/registry.ts";
import type { RegisteredModel } from "../api/types.ts";
import { go, useUrlQuery } from "../app/location.ts";
import { modelVersionHash, registeredModelHash, registryHash } from "../app/route.ts";
import { useDocumentTitle } from "../app/title.ts";
import { TextDialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { SearchField } from "../parts/SearchField.tsx";
import { Segments } from "../parts/Segments.tsx";
import { Snippet } from "../parts/Snippet.tsx";
import { Empty, Failure, Skeleton } from "../parts/States.tsx";
import { listOrderOf, listOrderText, orderByOf } from "../parts/sorting.ts";
import { TableCard } from "../parts/TableCard.tsx";
import { Time } from "../parts/Time.tsx";
import { Aliases } from "./Aliases.tsx";
import { TITLES } from "./words.ts";

const REFRESH_MS = 10_000;
const SORTED = { Name: "name", Changed: "last_updated_timestamp" };
const LATEST = { key: SORTED.Changed, isDescending: true };

/** How to register the first one. */
function firstSteps(kind: RegistryKind): string {
  const begin = ["import mlflow", "", `mlflow.set_tracking_uri("${trackingUri()}")`];
  return kind === "models"
    ? [...begin, 'mlflow.register_model("runs:/RUN_ID/model", "ridge")'].join("\n")
    : [...begin, 'mlflow.genai.register_prompt("greeting", "Say {{ word }}")'].join("\n");
}

/** All registered models of the workspace, or all prompts. */
export function RegistryScreen({ kind }: { kind: RegistryKind }) {
  useDocumentTitle(TITLES[kind]);
  const [query, change] = useUrlQuery();
  const [isCreating, setIsCreating] = useState(false);
  const queries = useQueryClient();
  const text = query.get("search") ?? "";
  const order = listOrderOf(query.get("order"), Object.values(SORTED), LATEST);
  const found = useInfiniteQuery({
    queryKey: ["registered-models", kind, text, order],
    queryFn: ({ signal, pageParam }) =>
      searchRegisteredModels(kind, { text, orderBy: orderByOf(order), pageToken: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextToken,
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
  });
  const rows = found.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="page stack">
      <div className="title">
        <h1>{TITLES[kind]}</h1>
        <span className="grow" />
        {kind === "models" && (
          <button type="button" className="button primary" onClick={() => setIsCreating(true)}>
            <Icon name="plus" /> New model
          </button>
        )}
      </div>
      <div className="row wrap">
        <SearchField
          label={`Search ${kind} by name`}
          value={text}
          onChange={(value) => change({ search: value })}
        />
        <Segments
          label="Kind"
          choices={REGISTRY_KINDS.map((one) => [one, TITLES[one]] as const)}
          chosen={kind}
          onChoose={(one) => go(registryHash(one))}
        />
      </div>
      {found.isPending && <Skeleton lines={8} label={`Loading ${kind}`} />}
      {found.isError && !found.data && <Failure error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && (
        <TableCard
          title={`Registered ${kind}`}
          columns={["Name", "Latest version", "Aliases", "~Changed", "~Description"]}
          sorting={{ keys: SORTED, order, onSort: (next) => change({ order: listOrderText(next) }) }}
          instead={
            rows.length === 0 && (
              <Empty title={text ? `No ${kind} match` : `No ${kind} yet`}>
                {!text && <Snippet code={firstSteps(kind)} />}
              </Empty>
            )
          }
        >
          {rows.map((model) => (
            <Row key={model.name} kind={kind} model={model} />
          ))}
        </TableCard>
      )}
      {found.hasNextPage && (
        <button type="button" className="button" onClick={() => void found.fetchNextPage()}>
          Show more
        </button>
      )}
      {isCreating && (
        <TextDialog
          title="New registered model"
          label="Name"
          action="Create"
          hint="Versions are registered from runs: by MLflow, the SDK or the command line."
          onClose={() => setIsCreating(false)}
          onText={async (name) => {
            await createRegisteredModel(name);
            await queries.invalidateQueries({ queryKey: ["registered-models"] });
            go(registeredModelHash("models", name));
          }}
        />
      )}
    </div>
  );
}

function Row({ kind, model }: { kind: RegistryKind; model: RegisteredModel }) {
  return (
    <tr>
      <td>
        <a className="strong wrap-anywhere" href={registeredModelHash(kind, model.name)}>
          {model.name}
        </a>
      </td>
      <td>
        {model.latestVersion === null ? (
          <span className="quiet">–</span>
        ) : (
          <a href={modelVersionHash(kind, model.name, model.latestVersion)}>{model.latestVersion}</a>
        )}
      </td>
      <td>
        <Aliases names={[...model.aliases.keys()]} />
      </td>
      <td className="wide-only">
        <Time ms={model.updatedMs} isRelative />
      </td>
      <td className="wide-only wrap-anywhere">{model.description}</td>
    </tr>
  );
}
