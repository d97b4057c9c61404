import { useQueryClient } from "@tanstack/react-query";
import { type DataAsset, deleteAsset } from "../api/assets.ts";
import { go } from "../app/location.ts";
import { assetsHash } from "../app/route.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { CheckField, TextField, textOf } from "../parts/fields.tsx";

/** Asks for the dataset's name, and whether the version on screen goes or all of them. */
export function DeleteAssetDialog({ asset, onClose }: { asset: DataAsset; onClose: () => void }) {
  const { name, version } = asset;
  const queries = useQueryClient();
  return (
    <Dialog
      title={`Delete version ${version} of “${name}”?`}
      action="Delete"
      isDanger
      onClose={onClose}
      onConfirm={async (form) => {
        if (textOf(form, "confirm") !== name) throw new Error(`Type the name of the dataset: ${name}`);
        await deleteAsset(name, form.get("all") === "on" ? null : version);
        go(assetsHash());
        await queries.invalidateQueries({ queryKey: ["data-assets"] });
      }}
    >
      <p>There is no way back. What was uploaded for it alone goes when the trash is emptied next.</p>
      <CheckField name="all">Delete all its versions</CheckField>
      <TextField label="Name of the dataset" name="confirm" required />
    </Dialog>
  );
}
