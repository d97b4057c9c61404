/** An environment as the fields of a form hold it. Pure. */
import type { Environment, NewEnvironment } from "../api/assets.ts";
import { linesFrom, pairsFrom } from "../parts/pairLines.ts";

/** The parts of a version that a form does not ask for. */
type Kept = Pick<Environment, "python" | "docker">;

const NOTHING: Kept = {
  python: {
    user_managed: false,
    interpreter: "python",
    conda: { channels: ["conda-forge"], packages: [], pip: [] },
  },
  docker: { image: "", dockerfile: "", shm_size: "" },
};

/** The body that a filled form stands for; what the form has no field for is that of `base`. */
export function environmentOf(text: (name: string) => string, base: Kept = NOTHING): NewEnvironment {
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
    docker: { ...base.docker, image: text("image"), dockerfile: text("dockerfile") },
    variables: pairsFrom(text("variables"), "variable"),
  };
}
