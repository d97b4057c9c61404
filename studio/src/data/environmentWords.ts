/** The lines that do with environments what the Studio does. Pure. */

import { type Address, openInPython, openInShell } from "../parts/opening.ts";
import { pythonText, shellWord } from "../parts/quoting.ts";

export const registerEnvironmentInPython = (address: Address) =>
  [
    "from runyard import Environment, Workspace",
    "",
    openInPython(address),
    'env = Environment.from_pip_requirements("training", "requirements.txt")',
    "env.register(ws)",
  ].join("\n");

export const environmentInPython = (address: Address, name: string, version: number) =>
  [
    "from runyard import Environment, Workspace",
    "",
    openInPython(address),
    `env = Environment.get(ws, ${pythonText(name)}, version=${version})`,
  ].join("\n");

export function environmentInShell(address: Address, name: string, version: number): string {
  const place = openInShell(address);
  return [
    `runyard environment show ${shellWord(name)} --version ${version} ${place}`,
    `runyard environment versions ${shellWord(name)} ${place}`,
  ].join("\n");
}
