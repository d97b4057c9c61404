import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type DataAsset, registerAsset } from "../api/assets.ts";
import { go } from "../app/location.ts";
import { assetHash } from "../app/route.ts";
import type { ChosenFile } from "../files/chosenFiles.ts";
import { WordsFields, wordsOf } from "../parts/DescribeDialog.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { CheckField, ChoiceField, TextField, textOf } from "../parts/fields.tsx";
import {
  addressOf,
  assetOf,
  chosenOf,
  FORMATS,
  type Format,
  PLACES_OF_DATA,
  type PlaceOfData,
  separatorsWith,
} from "./assetForm.ts";
import { KINDS_OF_ASSETS } from "./assetWords.ts";
import { useUploadsOfForm } from "./formUploads.ts";
import { SourceFields } from "./SourceFields.tsx";

interface Props {
  /** What the next version of is made; the form begins with it. */
  base?: DataAsset;
  onClose: () => void;
}

/** Registers a dataset or its next version, once the files of this machine that it is made of are there. */
export function RegisterAssetDialog({ base, onClose }: Props) {
  const queries = useQueryClient();
  const [chosen, setChosen] = useState(() => chosenOf(base));
  const [files, setFiles] = useState<ChosenFile[]>([]);
  const uploads = useUploadsOfForm();
  const choose = (part: Partial<typeof chosen>) => setChosen({ ...chosen, ...part });
  return (
    <Dialog
      title={base ? `New version of ${base.name}` : "Register a dataset"}
      action="Register"
      isWide
      onClose={onClose}
      onConfirm={async (form) => {
        if (chosen.place === "machine") {
          const folder = textOf(form, "path").replace(/^\/+|\/+$/g, "");
          const isToReplace = form.get("overwrite") === "on";
          await uploads.toDatastore(textOf(form, "datastore"), folder, files, isToReplace);
          await queries.invalidateQueries({ queryKey: ["datastore-files"] });
          form.set("path", addressOf(folder, files));
        }
        if (chosen.place === "upload") {
          const { folder, sha256 } = await uploads.toWorkspace(files);
          form.set("uploaded", folder);
          form.set("sha256", sha256);
        }
        const wanted = assetOf((name) => String(form.get(name) ?? ""), chosen, base?.reading);
        const made = await registerAsset({ ...wanted, ...wordsOf(form, base) });
        await uploads.registered(made.sources.map(({ address }) => address));
        await queries.invalidateQueries({ queryKey: ["data-assets"] });
        go(assetHash(made.name, made.version));
      }}
    >
      {base ? (
        <>
          <input type="hidden" name="name" value={base.name} />
          <input type="hidden" name="as_new_version" value="on" />
        </>
      ) : (
        <>
          <TextField
            label="Name"
            name="name"
            required
            maxLength={255}
            hint="Letters, digits, spaces, '_', '-' and '.'."
          />
          <CheckField name="as_new_version">Make it a new version where the name is taken</CheckField>
        </>
      )}
      <ChoiceField
        label="Type"
        name="kind"
        options={Object.entries(KINDS_OF_ASSETS)}
        value={chosen.kind}
        onChange={(event) => choose({ kind: event.target.value as DataAsset["kind"] })}
      />
      {chosen.kind === "tabular" && (
        <ReadingFields base={base} format={chosen.format} onFormat={(format) => choose({ format })} />
      )}
      <ChoiceField
        label="Where the data lies"
        name="place"
        options={PLACES_OF_DATA}
        value={chosen.place}
        onChange={(event) => choose({ place: event.target.value as PlaceOfData })}
      />
      {chosen.place === "datastore" && base && base.sources.length > 1 && (
        <p className="hint">
          Version {base.version} has {base.sources.length} paths; the new one has the one that is named here.
        </p>
      )}
      <SourceFields place={chosen.place} base={base} files={files} onFiles={setFiles} />
      {uploads.text && <p role="status">{uploads.text}</p>}
      <WordsFields {...(base ? { initial: base } : {})} />
    </Dialog>
  );
}

interface ReadingProps {
  base: DataAsset | undefined;
  format: Format;
  onFormat: (format: Format) => void;
}

function ReadingFields({ base, format, onFormat }: ReadingProps) {
  const reading = base?.reading;
  return (
    <>
      <ChoiceField
        label="Read as"
        name="format"
        options={FORMATS}
        value={format}
        onChange={(event) => onFormat(event.target.value as Format)}
      />
      {format === "delimited" && (
        <>
          <ChoiceField
            label="Separator"
            name="separator"
            options={separatorsWith(reading?.separator)}
            defaultValue={reading?.separator ?? ","}
          />
          <CheckField name="header" isOn={reading?.header ?? true}>
            The first line names the columns
          </CheckField>
          <TextField label="Encoding" name="encoding" defaultValue={reading?.encoding ?? "utf-8"} />
        </>
      )}
    </>
  );
}
