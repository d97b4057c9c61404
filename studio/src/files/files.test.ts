import { describe, expect, it } from "vitest";
import { filesBelow, filesChosen, filesDropped } from "./chosenFiles.ts";
import { pathIn, type Sending, shareOf, shareOfAll } from "./uploads.ts";

describe("an upload", () => {
  const sending = (part: Partial<Sending>): Sending => ({
    id: 0,
    path: "a.csv",
    file: { size: 200 } as File,
    sentBytes: 0,
    state: "sending",
    why: "",
    ...part,
  });

  it("is whole only when the server has said so", () => {
    expect(shareOf(sending({ sentBytes: 50 }))).toBe(0.25);
    expect(shareOf(sending({ sentBytes: 200 }))).toBe(0.99);
    expect(shareOf(sending({ state: "done" }))).toBe(1);
    expect(shareOf(sending({ state: "failed", sentBytes: 200 }))).toBe(0);
    expect(shareOf(sending({ file: { size: 0 } as File }))).toBe(0);
  });

  it("counts with the others by its bytes, and is over when it failed", () => {
    const small = sending({ file: { size: 100 } as File, state: "done" });
    expect(shareOfAll([small, sending({ sentBytes: 100 })])).toBeCloseTo(2 / 3);
    expect(shareOfAll([small, sending({ state: "failed" })])).toBe(1);
    expect(shareOfAll([])).toBe(0);
    expect(shareOfAll([sending({ file: { size: 0 } as File, state: "done" })])).toBe(1);
  });

  it("goes into the folder on screen", () => {
    expect(pathIn("", "a.csv")).toBe("a.csv");
    expect(pathIn("raw/x", "a.csv")).toBe("raw/x/a.csv");
  });
});

describe("files that are chosen", () => {
  const file = (name: string, webkitRelativePath = "") => ({ name, webkitRelativePath }) as File;
  const entry = (path: string): FileSystemEntry =>
    ({
      isDirectory: false,
      fullPath: path,
      file: (found: (one: File) => void) => found(file(path)),
    }) as unknown as FileSystemEntry;
  /** Answers its entries one at a time, as a browser may. */
  const folder = (...entries: FileSystemEntry[]): FileSystemEntry =>
    ({
      isDirectory: true,
      createReader: () => {
        const left = [...entries];
        return { readEntries: (found: (part: FileSystemEntry[]) => void) => found(left.splice(0, 1)) };
      },
    }) as unknown as FileSystemEntry;

  it("keep the folders that they were chosen with", () => {
    expect(filesChosen([file("a.csv"), file("b.csv", "raw/x/b.csv")]).map(({ path }) => path)).toEqual([
      "a.csv",
      "raw/x/b.csv",
    ]);
  });

  it("are all those of a folder that was dropped, and of the folders in it", async () => {
    const dropped = folder(entry("/raw/a.csv"), folder(entry("/raw/x/b.csv"), folder()), entry("/raw/c.csv"));
    expect((await filesBelow(dropped)).map(({ path }) => path)).toEqual([
      "raw/a.csv",
      "raw/x/b.csv",
      "raw/c.csv",
    ]);
    const item = (one: FileSystemEntry | null) => ({ webkitGetAsEntry: () => one }) as DataTransferItem;
    expect(await filesDropped([item(null), item(entry("/d.csv"))])).toHaveLength(1);
  });

  it("fail with what the browser says of them", async () => {
    const broken = {
      isDirectory: false,
      file: (_: unknown, no: (why: Error) => void) => no(new Error("gone")),
    };
    await expect(filesBelow(broken as unknown as FileSystemEntry)).rejects.toThrow("gone");
  });
});
