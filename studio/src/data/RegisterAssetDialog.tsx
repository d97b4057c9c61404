import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { type DataAsset, registerAsset } from "../api/assets.ts";
import { uploadFile } from "../api/datastores.ts";
import { go } from "../app/location.ts";
import { assetHash } from "../app/route.ts";
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
import type { ChosenFile } from "./chosenFiles.ts";
import { SourceFields } from "./SourceFields.tsx";
import { pathIn } from "./uploads.ts";

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
          await uploads.send(textOf(form, "datastore"), folder, files, isToReplace);
          await queries.invalidateQueries({ queryKey: ["datastore-files"] });
          form.set("path", addressOf(folder, files));
        }
        const wanted = assetOf((name) => String(form.get(name) ?? ""), chosen, base?.reading);
        const made = await registerAsset({ ...wanted, ...wordsOf(form, base) });
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

/** Uploads that a form needs. When it is sent again, what is there already is not sent once more. */
function useUploadsOfForm() {
  const [text, setText] = useState("");
  const stop = useRef<AbortController | null>(null);
  const sent = useRef(new Map<string, File>());
  useEffect(() => {
    const own = new AbortController();
    stop.current = own;
    return () => own.abort();
  }, []);

  async function send(name: string, folder: string, files: ChosenFile[], overwrite: boolean) {
    const signal = stop.current?.signal ?? AbortSignal.abort();
    if (files.length === 0) throw new Error("Choose the files that the dataset is made of.");
    for (const [index, { path: below, file }] of files.entries()) {
      const path = pathIn(folder, below);
      const key = `${name}/${path}`;
      if (sent.current.get(key) === file) continue;
      const count = `${index} of ${files.length} uploaded`;
      const onProgress = (sentBytes: number) =>
        setText(`${count}; ${below}: ${Math.floor((100 * sentBytes) / Math.max(file.size, 1))} %`);
      onProgress(0);
      await uploadFile({ name, path, file, overwrite, signal, onProgress });
      sent.current.set(key, file);
    }
    setText(`${files.length} of ${files.length} uploaded`);
  }

  return { send, text };
}
