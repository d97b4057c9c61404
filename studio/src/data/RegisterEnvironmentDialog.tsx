import { useQueryClient } from "@tanstack/react-query";
import { type Environment, registerEnvironment } from "../api/assets.ts";
import { go } from "../app/location.ts";
import { environmentHash } from "../app/route.ts";
import { WordsFields, wordsOf } from "../parts/DescribeDialog.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { AreaField, TextField, textOf } from "../parts/fields.tsx";
import { pairsText } from "../parts/pairLines.ts";
import { environmentOf } from "./environmentForm.ts";

interface Props {
  /** The version that the form begins with. */
  base?: Environment;
  onClose: () => void;
}

const EDITOR = { className: "field mono", spellCheck: false, wrap: "off" };

/** Registers an environment, or a version made from another one. */
export function RegisterEnvironmentDialog({ base, onClose }: Props) {
  const queries = useQueryClient();
  // Those that come with the server take no versions: a clone has a name of its own.
  const own = base && !base.is_curated ? base : undefined;
  const conda = base?.python.conda;
  return (
    <Dialog
      title={titleOf(base)}
      action="Register"
      isWide
      onClose={onClose}
      onConfirm={async (form) => {
        const wanted = environmentOf((name) => textOf(form, name), base);
        const made = await registerEnvironment({ ...wanted, ...wordsOf(form, base) });
        await queries.invalidateQueries({ queryKey: ["environments"] });
        go(environmentHash(made.name, made.version));
      }}
    >
      <TextField
        label="Name"
        name="name"
        required
        maxLength={255}
        defaultValue={own?.name}
        hint={
          own
            ? "Under this name it is the next version; under another one, an environment of its own."
            : "Letters, digits, '_', '-' and '.'."
        }
      />
      <AreaField
        label="pip packages"
        name="pip"
        rows={6}
        {...EDITOR}
        defaultValue={conda?.pip.join("\n")}
        hint="One a line, as in a requirements file: scikit-learn>=1.6"
      />
      <AreaField
        label="conda packages"
        name="conda"
        rows={3}
        {...EDITOR}
        defaultValue={conda?.packages.join("\n")}
        hint="One a line, the version of Python too: python=3.11"
      />
      <TextField
        label="conda channels"
        name="channels"
        defaultValue={conda?.channels.join(" ")}
        hint="Where conda looks, the first one first, as conda-forge."
      />
      <TextField
        label="Image"
        name="image"
        defaultValue={base?.docker.image}
        hint="The name of a container's image, or a Dockerfile below; neither is needed."
      />
      <AreaField label="Dockerfile" name="dockerfile" {...EDITOR} defaultValue={base?.docker.dockerfile} />
      <AreaField
        label="Variables"
        name="variables"
        {...EDITOR}
        defaultValue={base ? pairsText(base.variables) : ""}
        hint="One a line, as OMP_NUM_THREADS=4. Everyone who reads the workspace can read them."
      />
      <WordsFields {...(base ? { initial: base } : {})} />
    </Dialog>
  );
}

function titleOf(base?: Environment): string {
  if (!base) return "Register an environment";
  return base.is_curated ? `Clone ${base.name}` : `New version from version ${base.version} of ${base.name}`;
}
