import { type ReactNode, useState } from "react";
import { type ChosenFile, filesDropped } from "./chosenFiles.ts";

interface Props {
  label: string;
  onFiles: (files: ChosenFile[]) => void;
  onFailure: (error: unknown) => void;
  children: ReactNode;
}

/** Takes files and folders that are dropped on what is in it. */
export function DropZone({ label, onFiles, onFailure, children }: Props) {
  const [isOver, setIsOver] = useState(false);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: who has no mouse uses the buttons that do the same
    <div
      className="drop-zone"
      data-label={isOver ? label : undefined}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setIsOver(false);
      }}
      onDrop={(event) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setIsOver(false);
        filesDropped(event.dataTransfer.items).then(onFiles, onFailure);
      }}
    >
      {children}
    </div>
  );
}
