import { BlobWriter, TextReader, ZipWriter } from "@zip.js/zip.js/lib/zip-core-native.js";
import { unpackTar } from "modern-tar";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Job } from "../api/jobs.ts";
import { keepCode } from "../api/submission.ts";
import type { Run } from "../api/types.ts";
import { shellWord } from "../parts/quoting.ts";
import { archiveOf } from "./archive.ts";
import { belowTheirFolder, chosenCode } from "./code.ts";
import { type CodeFile, codeOf } from "./ignoring.ts";
import { AS_BEFORE, type Before, jobOf, newRunId, searchOf } from "./newJob.ts";
import { outputsFrom, outputsText, secondsFrom, secondsText, shellWords } from "./words.ts";
import { filesOfZip } from "./zip.ts";

afterEach(() => vi.unstubAllGlobals());

/** What stands for where an input is. */
const PATH = "$".concat("{{inputs.scans}}");

const file = (path: string, text = ""): CodeFile => ({ path, file: new Blob([text]), isExecutable: false });
const chosen = (path: string, text = "") => ({ path, file: new File([text], path) });

describe("the words of a line", () => {
  it.each([
    ["train.py --lr 0.1", ["train.py", "--lr", "0.1"]],
    ["  a\n\tb  ", ["a", "b"]],
    [`a 'b c' "d 'e' \\"f\\"" g\\ h ''`, ["a", "b c", `d 'e' "f"`, "g h", ""]],
    [`--in=${PATH} '$(x)' *`, [`--in=${PATH}`, "$(x)", "*"]],
    [`a"b"'c'd`, ["abcd"]],
    ["", []],
  ])("of %j are parted as a shell does", (line, words) => expect(shellWords(line)).toEqual(words));

  it("come back as they were written", () => {
    const words = ["a 'b' $(x)", "", 'say "no"', "a\nb", "\\n", "☃ x"];
    expect(shellWords(words.map(shellWord).join(" "))).toEqual(words);
  });

  it("are refused where a quote has no end", () => {
    for (const line of ["a 'b", 'a "b', "a \\"]) expect(() => shellWords(line)).toThrow(/no end/);
  });
});

describe("the outputs of a job", () => {
  it("go to a folder of the new run where they went to one of its own", () => {
    const outputs = { model: { datastore: "s", path: "out/r1/model", overwrite: true } };
    expect(outputsText(outputs, "r1")).toBe("model=s:out/{run_id}/model");
    expect(outputsFrom("model=s:out/{run_id}/model\nlog=s:log")).toEqual({
      model: { datastore: "s", path: "out/{run_id}/model", overwrite: true },
      log: { datastore: "s", path: "log", overwrite: false },
    });
    expect(outputsFrom("model=s:fixed", outputs).model?.overwrite).toBe(true);
  });
});

describe("a longest time", () => {
  it("has a unit, and comes back in the largest", () => {
    expect(["", "90", "30m", "2 h", "1d"].map(secondsFrom)).toEqual([0, 90, 1800, 7200, 86_400]);
    expect([0, 90, 1800, 7200, 86_400].map(secondsText)).toEqual(["", "90", "30m", "2h", "1d"]);
    expect(() => secondsFrom("soon")).toThrow(/30m/);
  });
});

describe("the files that go along", () => {
  const kept = async (...files: CodeFile[]) => (await codeOf(files)).map(({ path }) => path);

  it("are those that no ignore file of git names", async () => {
    const files = [
      file(".gitignore", "*.log\n/data/\n!keep.log\n# no\nbuild\\ it\n**/cache/**\n[ab].txt\n"),
      file("train.py"),
      file("x.log"),
      file("keep.log"),
      file("data/raw.csv"),
      file("src/data/small.csv"),
      file("build it"),
      file("src/cache/deep/x"),
      file("a.txt"),
      file("c.txt"),
      file("src/.gitignore", "!y.log\n*.tmp"),
      file("src/y.log"),
      file("src/z.tmp"),
      file("z.tmp"),
    ];
    expect(await kept(...files)).toEqual([
      ".gitignore",
      "c.txt",
      "keep.log",
      "src/.gitignore",
      "src/data/small.csv",
      "src/y.log",
      "train.py",
      "z.tmp",
    ]);
  });

  it("are told by .runyardignore alone where there is one", async () => {
    const files = [
      file(".runyardignore", "secret\r\n"),
      file(".gitignore", "*.py"),
      file("a.py"),
      file("secret"),
    ];
    expect(await kept(...files)).toEqual([".gitignore", ".runyardignore", "a.py"]);
  });

  it("never are those of git itself, of Python's caches and environments", async () => {
    const files = [
      file(".git/config"),
      file("src/__pycache__/a.pyc"),
      file("venv/pyvenv.cfg"),
      file("venv/lib/x.py"),
      file("conda/conda-meta/history"),
      file("conda/bin/python"),
      file("a.py"),
    ];
    expect(await kept(...files)).toEqual(["a.py"]);
  });

  it("lie below the folder that was chosen", () => {
    expect(belowTheirFolder([chosen("lab/a.py"), chosen("lab/src/b.sh")])).toMatchObject([
      { path: "a.py", isExecutable: false },
      { path: "src/b.sh", isExecutable: true },
    ]);
    expect(belowTheirFolder([chosen("a.py"), chosen("lab/b.py")]).map(({ path }) => path)).toEqual([
      "a.py",
      "lab/b.py",
    ]);
  });

  it("must be some", async () => {
    await expect(chosenCode([chosen("lab/.git/config")])).rejects.toThrow(/None of these/);
  });
});

const bytesOf = async (stream: ReadableStream) => new Uint8Array(await new Response(stream).arrayBuffer());
interface Packed {
  text: string;
  password?: string;
  isStored?: boolean;
}

/** A zip as programs write it, of files and what is in them. */
async function zipOf(files: Record<string, Packed>): Promise<Blob> {
  const zip = new ZipWriter(new BlobWriter(), { useWebWorkers: false });
  for (const [path, { text, password, isStored = false }] of Object.entries(files)) {
    if (path.endsWith("/")) await zip.add(path, undefined, { directory: true });
    else {
      const unixMode = path.endsWith(".sh") ? 0o100755 : 0o100644;
      const options = { level: isStored ? 0 : 6, unixMode, ...(password && { password }) };
      await zip.add(path, new TextReader(text), options);
    }
  }
  return zip.close(new TextEncoder().encode("a comment"));
}

describe("a zip", () => {
  it("has its files, their modes and what is in them", async () => {
    const text = "print('☃')\n".repeat(500);
    const zip = await zipOf({
      "src/": { text: "" },
      "src/a.py": { text },
      "run.sh": { text: "x", isStored: true },
    });
    const found = await filesOfZip(zip);
    expect(found.map(({ path, isExecutable }) => [path, isExecutable])).toEqual([
      ["src/a.py", false],
      ["run.sh", true],
    ]);
    expect(await found[0]?.file.text()).toBe(text);
    expect(await found[1]?.file.text()).toBe("x");
  });

  it("is refused when it is none, is encrypted or leads out of its folder", async () => {
    await expect(filesOfZip(new Blob(["no zip at all"]))).rejects.toThrow(/no zip/);
    await expect(filesOfZip(await zipOf({ "a.py": { text: "x", password: "p" } }))).rejects.toThrow(
      /encrypted/,
    );
    await expect(filesOfZip(await zipOf({ "../a.py": { text: "x" } }))).rejects.toThrow(/outside/);
  });
});

describe("the archive", () => {
  it("is a tar that has paths of any length, and is the same whenever it is made", async () => {
    const paths = ["a.py", `${"deep/".repeat(30)}a.py`, `${"é/".repeat(200)}run.sh`];
    const files = paths.map((path) => ({ ...file(path, `# ${path}`), isExecutable: path.endsWith(".sh") }));
    const archives = [await archiveOf(files), await archiveOf(files)];
    const [tar, again] = await Promise.all(
      archives.map((archive) => bytesOf(archive.stream().pipeThrough(new DecompressionStream("gzip")))),
    );
    expect(tar?.length).toBeGreaterThan(3 * 1024);
    expect(again).toEqual(tar);
    const found = await unpackTar(tar ?? new Uint8Array());
    expect(
      found.map(({ header, data }) => [header.name, header.mode, new TextDecoder().decode(data)]),
    ).toEqual(files.map(({ path, isExecutable }) => [path, isExecutable ? 0o755 : 0o644, `# ${path}`]));
  });

  it("fails with a file that can no longer be read", async () => {
    const gone = new Blob(["x"]);
    gone.stream = () => {
      throw new Error("it has gone");
    };
    await expect(archiveOf([{ path: "a.py", file: gone, isExecutable: false }])).rejects.toThrow(/gone/);
  });
});

const RUN = {
  tags: new Map([
    ["team", "vision"],
    ["mlflow.user", "me"],
    ["mlflow.source.git.commit", "c0"],
  ]),
};
const JOB = {
  snapshot: "s1",
  variables: { A: "1" },
  inputs: {},
  outputs: {},
} as unknown as Job;
const BEFORE: Before = { job: JOB, run: RUN as Run, environment: { name: "training", version: 3 } };

function formOf(fields: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return form;
}

describe("the form of a job", () => {
  it("says a script with its arguments, and what is left empty as the server has it", () => {
    const form = formOf({ what: "script", script: "train.py --lr 0.1", compute: "local", environment: "" });
    expect(jobOf(form, "s2")).toEqual({
      script: "train.py",
      arguments: ["--lr", "0.1"],
      command: [],
      compute: "local",
      snapshot: "s2",
      environment: null,
      variables: {},
      slots: 1,
      max_duration_s: 0,
      max_attempts: 1,
      priority: 0,
      is_azureml: false,
      inputs: {},
      outputs: {},
      run_name: "",
      tags: {},
    });
  });

  it("says a command, and must say something", () => {
    expect(jobOf(formOf({ what: "command", script: "echo 'a b'" }), "")).toMatchObject({
      script: "",
      arguments: [],
      command: ["echo", "a b"],
    });
    expect(() => jobOf(formOf({ script: " " }), "")).toThrow(/'script' /);
  });

  it("keeps the environment of the job before, and what git said of its code", () => {
    const form = formOf({ script: "a.py", environment: AS_BEFORE, variables: "A=1", tags: "team=vision" });
    expect(jobOf(form, "s1", BEFORE)).toMatchObject({
      environment: { name: "training", version: 3 },
      variables: { A: "1" },
      tags: { team: "vision", "mlflow.source.git.commit": "c0" },
    });
    expect(jobOf(form, "s2", BEFORE).tags).toEqual({ team: "vision" });
  });

  it("says what is searched for", () => {
    const form = formOf({ parameters: "lr=0..1", metric: "loss", goal: "minimize", sampling: "grid" });
    expect(searchOf(form)).toEqual({
      parameters: { lr: { kind: "uniform", low: 0, high: 1 } },
      metric: "loss",
      goal: "minimize",
      sampling: "grid",
      stopping: null,
      seed: null,
      max_trials: null,
      max_concurrent: null,
      max_sweep_duration_s: 0,
    });
    for (const [name, text] of [
      ["max_trials", "8"],
      ["max_concurrent", "2"],
      ["seed", "0"],
      ["max_sweep_duration_s", "2h"],
    ] as const) {
      form.set(name, text);
    }
    expect(searchOf(form)).toMatchObject({
      max_trials: 8,
      max_concurrent: 2,
      seed: 0,
      max_sweep_duration_s: 7200,
    });
  });
});

describe("sending", () => {
  it("draws an id as the server does", () => {
    vi.stubGlobal("window", { crypto: globalThis.crypto });
    const [one, other] = [newRunId(), newRunId()];
    expect(one).toMatch(/^[0-9a-f]{32}$/);
    expect(one).not.toBe(other);
  });

  it("leaves code where it is that is there", async () => {
    vi.stubGlobal("window", { location: { pathname: "/" } });
    const asked = vi.fn(async (_: string) => new Response("{}"));
    vi.stubGlobal("fetch", asked);
    const { signal } = new AbortController();
    await keepCode("ab", { file: new Blob(["x"]), signal, onProgress: () => {} });
    expect(asked.mock.calls.map(([address]) => address)).toEqual(["/api/v1/snapshots/ab"]);
  });
});
