/** An environment as the fields of a form hold it. Pure. */
import type { Environment, NewEnvironment } from "../api/assets.ts";
import { editedPairs, linesFrom } from "../parts/pairLines.ts";

/** The parts of a version that a form does not ask for. */
type Kept = Pick<Environment, "python" | "docker" | "variables">;

const NOTHING: Kept = {
  python: {
    user_managed: false,
    interpreter: "python",
    conda: { channels: [], packages: [], pip: [] },
  },
  docker: { image: "", dockerfile: "", shm_size: "" },
  variables: {},
};

/** The body that a filled form stands for; what the form has no field for is that of `base`. */
export function environmentOf(text: (name: string) => string, base: Kept = NOTHING): NewEnvironment {
  const dockerfile = text("dockerfile");
  // A field's text is trimmed, which must not make another version of the same file.
  const isSame = dockerfile === base.docker.dockerfile.trim();
  return {
    name: text("name"),
    python: {
      ...base.python,
      conda: {
        channels: text("channels")
          .split(/[\s,]+/)
          .filter(Boolean),
        packages: linesFrom(text("conda")),
        pip: linesFrom(text("pip")),
      },
    },
    docker: {
      ...base.docker,
      image: text("image"),
      dockerfile: isSame ? base.docker.dockerfile : dockerfile,
    },
    variables: editedPairs(text("variables"), base.variables, "variable"),
  };
}
