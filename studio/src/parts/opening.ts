/** The lines that open a workspace elsewhere. Pure. */
import { pythonText, shellWord } from "./quoting.ts";

/** Where a client finds the workspace on screen. */
export interface Address {
  server: string;
  workspace: string;
}

export const openInPython = ({ server, workspace }: Address) =>
  `ws = Workspace.get(${pythonText(workspace)}, url=${pythonText(server)})`;

export const openInShell = ({ server, workspace }: Address) =>
  `--url ${shellWord(server)} -w ${shellWord(workspace)}`;
