/** The lines that open a workspace elsewhere. Pure. */
import { pythonText, shellWord } from "../parts/quoting.ts";

export interface Line {
  title: string;
  code: string;
}

/** `server` is its root address, without a slash at the end. */
export function linesOf(server: string, name: string): Line[] {
  const address = `${server}/workspaces/${encodeURIComponent(name)}`;
  const config = `runyard workspace config ${shellWord(name)} --url ${shellWord(server)} --write .`;
  return [
    {
      title: "MLflow",
      code: `import mlflow\n\nmlflow.set_tracking_uri(${pythonText(address)})`,
    },
    {
      title: "Python SDK",
      code: `from runyard import Workspace\n\nws = Workspace.get(${pythonText(name)}, url=${pythonText(server)})`,
    },
    {
      title: "Command line: tie a folder to it",
      code: `${config}\nrunyard workspace show ${shellWord(name)} --url ${shellWord(server)}`,
    },
    {
      title: "Azure's clients, in such a folder",
      code: `eval "$(runyard azureml env --url ${shellWord(server)} -w ${shellWord(name)} --shell)"`,
    },
  ];
}
