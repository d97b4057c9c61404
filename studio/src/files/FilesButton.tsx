import { useEffect, useRef } from "react";
import { Icon, type IconName } from "../parts/Icon.tsx";
import { type ChosenFile, filesChosen } from "./chosenFiles.ts";

interface Props {
  icon: IconName;
  text: string;
  /** What the hidden input behind the button is called. */
  label: string;
  isPrimary?: boolean;
  /** Whether a folder is chosen, with all that is in it. */
  isFolder?: boolean;
  onFiles: (files: ChosenFile[]) => void;
}

/** A button that lets files of this machine be chosen. */
export function FilesButton({ icon, text, label, isPrimary = false, isFolder = false, onFiles }: Props) {
  const picker = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (picker.current) picker.current.webkitdirectory = isFolder;
  }, [isFolder]);
  return (
    <>
      <button
        type="button"
        className={`button ${isPrimary ? "primary" : ""}`}
        onClick={() => picker.current?.click()}
      >
        <Icon name={icon} /> {text}
      </button>
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        aria-label={label}
        onChange={(event) => {
          onFiles(filesChosen(event.target.files ?? []));
          event.target.value = "";
        }}
      />
    </>
  );
}
