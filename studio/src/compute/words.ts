/** What people read of compute targets, and the lines that do the same elsewhere. Pure. */
import type { ComputeTarget, Reached, TargetKind } from "../api/compute.ts";
import { type Address, openInPython, openInShell } from "../parts/opening.ts";
import { pythonText, shellWord } from "../parts/quoting.ts";
import { labelOf, type SettingField } from "./settingFields.ts";

/** What a kind is called; one that the server knows no more by its name. */
export const kindName = (kind: string, kinds: readonly Pick<TargetKind, "name" | "title">[]) =>
  kinds.find(({ name }) => name === kind)?.title ?? kind;

/** What of a filled form is to be sent: as long as nothing of it is different, nothing is looked at anew. */
export function changedReach(
  { settings = {} }: Pick<ComputeTarget, "settings">,
  said: Reached,
  fields: readonly Pick<SettingField, "key" | "fallback">[],
): Partial<Reached> {
  const changed = fields
    .map(({ key, fallback }) => ({ key, before: settings[key] ?? fallback, now: said.settings[key] }))
    .filter(({ before, now }) => now !== undefined && JSON.stringify(now) !== JSON.stringify(before));
  const { settings: _, ...rest } = said;
  if (changed.length > 0) {
    return { ...rest, settings: Object.fromEntries(changed.map(({ key, now }) => [key, now])) };
  }
  return said.credential ? rest : {};
}

/** What its kind was told, by the names that its form has; what a list or an object holds is written as JSON. */
export function settingsOf({ settings = {} }: Pick<ComputeTarget, "settings">): [string, string][] {
  return Object.entries(settings)
    .map(([name, value]): [string, string] => [labelOf(name), settingText(value)])
    .filter(([, text]) => text !== "");
}

function settingText(value: unknown): string {
  if (typeof value === "boolean") return value ? "Yes" : "No";
  if (typeof value !== "object") return String(value);
  return value === null || Object.keys(value).length === 0 ? "" : JSON.stringify(value);
}

/** Whether it did not answer the server when that last needed it. */
export const isUnreachable = ({ unreachable_since_ms: since }: Pick<ComputeTarget, "unreachable_since_ms">) =>
  since !== null && since !== undefined;

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

export const databricksInShell = (address: Address) =>
  `runyard databricks link CLUSTER ${openInShell(address)} \\\n  --profile PROFILE --public-url ${shellWord(address.server)}`;

export const databricksInPython = (address: Address) =>
  [
    "from runyard import Workspace",
    "",
    openInPython(address),
    `link = ws.link_databricks("CLUSTER", profile="PROFILE", url=${pythonText(address.server)})`,
    'print(link.missing(profile="PROFILE"))',
  ].join("\n");
