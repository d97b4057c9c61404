import { useState } from "react";
import type { ChosenFile } from "../files/chosenFiles.ts";
import { DropZone } from "../files/DropZone.tsx";
import { FilesButton } from "../files/FilesButton.tsx";
import { bytes, plural } from "../parts/format.ts";
import { failureText } from "../parts/States.tsx";
import { chosenCode } from "./code.ts";
import type { CodeFile } from "./ignoring.ts";

interface Props {
  /** What the job before has; empty without one. */
  snapshot: string;
  code: CodeFile[] | null;
  onCode: (code: CodeFile[]) => void;
}

/** Where the code comes from: a folder, some files, a zip; or it is that of the job before. */
export function CodeFields({ snapshot, code, onCode }: Props) {
  const [why, setWhy] = useState("");
  const fail = (error: unknown) => setWhy(failureText(error).detail);
  const choose = (files: ChosenFile[]) => {
    setWhy("");
    chosenCode(files).then(onCode, fail);
  };
  return (
    <DropZone label="Drop the code here" onFiles={choose} onFailure={fail}>
      <fieldset className="labelled code-choice">
        <legend>Code</legend>
        <div className="row wrap">
          <FilesButton
            icon="folder"
            text="Choose a folder"
            label="Folder of the code"
            isFolder
            onFiles={choose}
          />
          <FilesButton icon="file" text="Choose files or a zip" label="Files of the code" onFiles={choose} />
        </div>
        <p className="hint" role="status">
          {saidOf(code, snapshot)}
        </p>
        <p className="hint">
          What .runyardignore, else .amlignore, else .gitignore names stays here, and so do environments of
          Python.
        </p>
        {why && (
          <p className="field-refusal wrap-anywhere" role="alert">
            {why}
          </p>
        )}
      </fieldset>
    </DropZone>
  );
}

function saidOf(code: CodeFile[] | null, snapshot: string): string {
  if (code) {
    const size = code.reduce((sum, { file }) => sum + file.size, 0);
    return `${plural(code.length, "file")}, ${bytes(size)}`;
  }
  return snapshot ? `As before: ${snapshot.slice(0, 12)}` : "None yet; a command can do without.";
}
