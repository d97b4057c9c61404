import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { listAssets, listAssetVersions } from "../api/assets.ts";
import { ChoiceField } from "../parts/fields.tsx";
import { Icon } from "../parts/Icon.tsx";
import { withAsset } from "./inputs.ts";

const KINDS = { file: "files", tabular: "a table" } as const;

/** Writes a dataset of the workspace, with its version, into the inputs of the form around. */
export function DatasetPicker() {
  const [name, setName] = useState("");
  const [version, setVersion] = useState("");
  const listed = useQuery({
    queryKey: ["data-assets", "to choose from"],
    queryFn: ({ signal }) => listAssets(null, signal),
  });
  const versions = useQuery({
    queryKey: ["data-asset-versions", name, "to choose from"],
    queryFn: ({ signal }) => listAssetVersions(name, null, signal),
    enabled: name !== "",
  });
  const assets = listed.data?.data_assets ?? [];
  if (assets.length === 0) return null;
  const chosen = version || String(assets.find((asset) => asset.name === name)?.latest_version ?? "");
  const add = (form: HTMLFormElement | null) => {
    const field = form?.elements.namedItem("inputs");
    if (!(field instanceof HTMLTextAreaElement)) return;
    field.value = withAsset(field.value, { name, version: Number(chosen) });
    field.focus();
  };
  return (
    <div className="fields-row dataset-picker">
      <ChoiceField
        label="Dataset"
        name=""
        value={name}
        onChange={(event) => {
          setName(event.target.value);
          setVersion("");
        }}
        options={[
          ["", "Choose one"],
          ...assets.map((asset) => [asset.name, `${asset.name} (${KINDS[asset.kind]})`] as const),
        ]}
      />
      <ChoiceField
        label="Version"
        name=""
        value={chosen}
        disabled={name === ""}
        onChange={(event) => setVersion(event.target.value)}
        options={(versions.data?.data_assets ?? []).map((one) => [String(one.version), String(one.version)])}
      />
      <button
        type="button"
        className="button"
        disabled={!versions.data || chosen === ""}
        onClick={(event) => add(event.currentTarget.form)}
      >
        <Icon name="plus" /> Add to the inputs
      </button>
    </div>
  );
}
