/** Files of this machine as people choose them: one by one, by their folder, or by dropping either. */

export interface ChosenFile {
  /** Its name, behind those of the folders that were chosen with it. */
  path: string;
  file: File;
}

/** What an input holds: files, or with `webkitdirectory` those of a folder and of all below it. */
export const filesChosen = (files: Iterable<File>): ChosenFile[] =>
  [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));

/** What was dropped, folders with all that is in them. */
export async function filesDropped(items: Iterable<DataTransferItem>): Promise<ChosenFile[]> {
  // The list is emptied as soon as the event is over, so entries are taken before anything is awaited.
  const entries = [...items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  return (await Promise.all(entries.map(filesBelow))).flat();
}

/** The files of an entry of a browser's file system, by their paths in what was dropped. */
export async function filesBelow(entry: FileSystemEntry): Promise<ChosenFile[]> {
  if (!entry.isDirectory) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    return [{ path: entry.fullPath.replace(/^\//, ""), file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: ChosenFile[] = [];
  for (;;) {
    // A browser answers a part of a folder at a time, and nothing when that was all.
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (part.length === 0) return found;
    for (const each of part) found.push(...(await filesBelow(each)));
  }
}
