import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { DataAsset } from "../api/assets.ts";
import { type Datastore, listDatastores } from "../api/datastores.ts";
import type { ChosenFile } from "../files/chosenFiles.ts";
import { FilesButton } from "../files/FilesButton.tsx";
import { AreaField, CheckField, ChoiceField, TextField } from "../parts/fields.tsx";
import { bytes, plural } from "../parts/format.ts";
import { failureText, Skeleton } from "../parts/States.tsx";
import type { PlaceOfData } from "./assetForm.ts";
import { FolderPicker } from "./FolderPicker.tsx";
import { ARTIFACT_STORE } from "./words.ts";

interface Props {
  place: PlaceOfData;
  /** The version that the form begins with. */
  base: DataAsset | undefined;
  files: ChosenFile[];
  onFiles: (files: ChosenFile[]) => void;
}

/** The fields that say where the data lies, or where it is to be uploaded to. */
export function SourceFields({ place, base, files, onFiles }: Props) {
  const stores = useQuery({ queryKey: ["datastores"], queryFn: ({ signal }) => listDatastores(signal) });
  if (place === "url") return <WebFields base={base} />;
  if (place === "upload") return <UploadFields files={files} onFiles={onFiles} />;
  if (stores.isPending) return <Skeleton lines={2} label="Loading datastores" />;
  if (stores.isError) return <p role="alert">{failureText(stores.error).detail}</p>;
  if (place === "datastore") return <DatastoreFields base={base} stores={stores.data} />;
  return <MachineFields base={base} files={files} onFiles={onFiles} stores={stores.data} />;
}

const defaultOf = (stores: Datastore[]) => stores.find((one) => one.is_default)?.name ?? "";

function WebFields({ base }: Pick<Props, "base">) {
  const urls = base?.sources.filter(({ kind }) => kind === "url").map(({ address }) => address);
  return (
    <AreaField
      label="Addresses"
      name="urls"
      required
      className="field mono"
      defaultValue={urls?.join("\n")}
      hint="One a line, http:// or https://. Whoever reads the dataset fetches them; the server never does."
    />
  );
}

function DatastoreFields({ base, stores }: Pick<Props, "base"> & { stores: Datastore[] }) {
  const source = base?.sources.find(({ kind }) => kind === "datastore");
  const [store, setStore] = useState(source?.datastore ?? defaultOf(stores));
  const [path, setPath] = useState(source?.address ?? "");
  return (
    <>
      <DatastoreChoice
        names={stores.map(({ name }) => name)}
        picked={store}
        onPick={(name) => {
          setStore(name);
          setPath("");
        }}
      />
      <TextField
        label="Path"
        name="path"
        required
        value={path}
        onChange={(event) => setPath(event.target.value)}
        hint="A file, a folder, or a pattern as raw/**/*.csv. Choose it below, or write it."
      />
      <FolderPicker key={store} datastore={store} picked={path} onPick={setPath} />
    </>
  );
}

function MachineFields({ base, files, onFiles, stores }: Omit<Props, "place"> & { stores: Datastore[] }) {
  const names = stores.map(({ name }) => name).filter((name) => name !== ARTIFACT_STORE);
  const [store, setStore] = useState(
    () => names.find((name) => name === defaultOf(stores)) ?? names[0] ?? "",
  );
  return (
    <>
      <DatastoreChoice names={names} picked={store} onPick={setStore} />
      <TextField
        label="Folder in it"
        name="path"
        required
        defaultValue={base ? `${base.name}/${base.latest_version + 1}` : ""}
        hint="A new one, as people/1: all that is in it belongs to the dataset."
      />
      <ChosenFiles files={files} onFiles={onFiles} />
      <CheckField name="overwrite">Replace files that are there already</CheckField>
    </>
  );
}

/** Files that go where the workspace keeps its own, and with the last version that has them. */
function UploadFields({ files, onFiles }: Pick<Props, "files" | "onFiles">) {
  return (
    <>
      <p className="hint">
        The workspace keeps them where it keeps the files of runs, for as long as a version has them.
      </p>
      <ChosenFiles files={files} onFiles={onFiles} />
    </>
  );
}

function ChosenFiles({ files, onFiles }: Pick<Props, "files" | "onFiles">) {
  const size = files.reduce((sum, { file }) => sum + file.size, 0);
  return (
    <div className="row wrap">
      <FilesButton icon="plus" text="Choose files" label="Files of the dataset" onFiles={onFiles} />
      <FilesButton
        icon="folder"
        text="Choose a folder"
        label="Folder of the dataset"
        isFolder
        onFiles={onFiles}
      />
      <span className="quiet" role="status">
        {files.length > 0 ? `${plural(files.length, "file")}, ${bytes(size)}` : "None chosen yet"}
      </span>
    </div>
  );
}

interface ChoiceProps {
  names: string[];
  picked: string;
  onPick: (name: string) => void;
}

function DatastoreChoice({ names, picked, onPick }: ChoiceProps) {
  return (
    <ChoiceField
      label="Datastore"
      name="datastore"
      options={names.map((name) => [name, name] as const)}
      value={picked}
      onChange={(event) => onPick(event.target.value)}
    />
  );
}
