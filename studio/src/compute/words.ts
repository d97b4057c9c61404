/** What people read of compute targets, and the lines that do the same elsewhere. Pure. */
import type { ComputeTarget } from "../api/compute.ts";
import { type Address, openInPython, openInShell } from "../parts/opening.ts";
import { pythonText, shellWord } from "../parts/quoting.ts";

const KIND_NAMES: Record<string, string> = {
  local: "The server's machine",
  ssh: "SSH hosts",
  slurm: "Slurm",
  ray: "Ray",
  kubernetes: "Kubernetes",
};

export const kindName = (kind: string) => KIND_NAMES[kind] ?? kind;

/** What its kind was told, name by name; what holds more than one value is written as JSON. */
export function settingsOf({ settings = {} }: Pick<ComputeTarget, "settings">): [string, string][] {
  return Object.entries(settings)
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => [
      name.replaceAll("_", " "),
      typeof value === "object" ? JSON.stringify(value) : String(value),
    ]);
}

/** How full it is, from 0 to 1; more is taken than there is after its slots were made fewer. */
export const shareTaken = ({ slots, slots_taken }: ComputeTarget) =>
  slots > 0 ? Math.min(1, slots_taken / slots) : 0;

export const targetInPython = (address: Address, name: string) =>
  [
    "from runyard import ComputeTarget, Experiment, ScriptRunConfig, Workspace",
    "",
    openInPython(address),
    `target = ComputeTarget(ws, ${pythonText(name)})`,
    'src = ScriptRunConfig(".", "train.py", compute_target=target)',
    'run = Experiment(ws, "trials").submit(src)',
  ].join("\n");

export const targetInShell = (address: Address, name: string) =>
  [
    `runyard compute show ${shellWord(name)} ${openInShell(address)}`,
    `runyard job submit ${openInShell(address)} \\\n  --compute ${shellWord(name)} train.py`,
  ].join("\n");
