import { describe, expect, it } from "vitest";
import type { Run } from "../api/types.ts";
import { runOf } from "../api/wire.ts";
import {
  byName,
  columnName,
  FIRST_ORDER,
  firstColumns,
  knownKeys,
  listText,
  nextOrder,
  orderBy,
  orderOf,
  orderText,
  textList,
} from "./columns.ts";
import { comparison } from "./compare.ts";
import { runsCsv } from "./runsCsv.ts";
import { eyeToggled, moved, toggled, toggledRange, visibleIds } from "./selection.ts";
import { tableChange, tableSettingsOf } from "./tableSettings.ts";
import { columnsAround } from "./useColumnsInSight.ts";

function run(runId: string, params: Record<string, string>, metrics: Record<string, number> = {}): Run {
  return runOf({
    info: { run_id: runId, run_name: runId },
    data: {
      params: Object.entries(params).map(([key, value]) => ({ key, value })),
      metrics: Object.entries(metrics).map(([key, value]) => ({ key, value })),
      tags: [
        { key: "mlflow.user", value: runId },
        { key: "team", value: "a" },
      ],
    },
  });
}

describe("the table as a file", () => {
  it("has all that the runs have, the shown columns first, and nothing that a spreadsheet runs", () => {
    const runs = [run("a", { "l,r": "=1+1" }, { loss: 0.1, acc: Number.NaN }), run("b", {}, { loss: -2 })];
    const [head, first, second, ...none] = runsCsv(runs, ["metrics.loss"], knownKeys(runs)).split("\n");
    expect(head).toBe(
      "run_id,run_name,metrics.loss,status,start_time,duration_s,end_time,user_id,source," +
        'metrics.acc,"params.l,r",tags.team',
    );
    expect(first?.startsWith("a,a,0.1,")).toBe(true);
    expect(first?.endsWith(",NaN,'=1+1,a")).toBe(true);
    expect(second?.startsWith("b,b,-2,")).toBe(true);
    expect(second?.endsWith(",,,a")).toBe(true);
    expect(none).toEqual([""]);
  });

  it("says when runs began and how long they took so that a program can read it", () => {
    const info = { run_id: "a", run_name: "n", start_time: 1_000, end_time: 3_500, status: "FINISHED" };
    const text = runsCsv([runOf({ info, data: {} })], [], { metrics: [], params: [], tags: [] });
    expect(text).toContain("a,n,FINISHED,1970-01-01T00:00:01.000Z,2.5,1970-01-01T00:00:03.500Z");
  });
});

describe("columns", () => {
  it("have names that any key fits into", () => {
    expect(columnName("metrics.val/loss.best")).toEqual({ kind: "metrics", key: "val/loss.best" });
    expect(columnName("about.status")).toEqual({ kind: "about", key: "status" });
    expect(columnName("about.made_up")).toBeNull();
    expect(columnName("secrets.x")).toBeNull();
    expect(columnName("metrics.")).toBeNull();
  });

  it("are listed in the address whatever the keys hold", () => {
    const names = ["metrics.a,b", "params.50%", "params.%2C", "tags.plain"];
    expect(textList(listText(names))).toEqual(names);
    expect(textList(null)).toEqual([]);
  });

  it("are few at first, without system metrics and MLflow's own tags", () => {
    const metrics = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`m${index}`, index]));
    const known = knownKeys([run("a", { lr: "1" }, { ...metrics, "system/cpu": 1 })]);
    const shown = firstColumns(known);
    expect(known.tags).toEqual(["team"]);
    expect(shown.length).toBeLessThan(20);
    expect(shown).not.toContain("metrics.system/cpu");
    expect(shown).toContain("params.lr");
  });

  it("sort by name as people count, system metrics last", () => {
    expect(["system/a", "b10", "B2", "a"].sort(byName)).toEqual(["a", "B2", "b10", "system/a"]);
  });
});

describe("the order", () => {
  it("is the server's", () => {
    expect(orderBy(FIRST_ORDER)).toEqual(["attributes.start_time DESC"]);
    expect(orderBy({ column: "metrics.val/loss", isDescending: false })).toEqual(["metrics.`val/loss` ASC"]);
    expect(orderBy({ column: "params.lr", isDescending: true })).toEqual(["params.lr DESC"]);
  });

  it("turns round on a second click and starts with the largest number", () => {
    const first = nextOrder(FIRST_ORDER, "metrics.loss");
    expect(first).toEqual({ column: "metrics.loss", isDescending: true });
    expect(nextOrder(first, "metrics.loss").isDescending).toBe(false);
    expect(nextOrder(first, "params.lr").isDescending).toBe(false);
  });

  it("reads back from the address, colons in keys included", () => {
    const order = { column: "metrics.a:b", isDescending: true };
    expect(orderOf(orderText(order))).toEqual(order);
    expect(orderOf("nonsense")).toEqual(FIRST_ORDER);
  });
});

describe("selecting rows", () => {
  const order = ["a", "b", "c", "d", "e"];

  it("turns one over", () => {
    expect(toggled(["a"], "b")).toEqual(["a", "b"]);
    expect(toggled(["a", "b"], "a")).toEqual(["b"]);
  });

  it("with shift takes everything between, either way round", () => {
    expect(toggledRange(["b"], order, "b", "d")).toEqual(["b", "c", "d"]);
    expect(toggledRange(["d"], order, "d", "b").sort()).toEqual(["b", "c", "d"]);
    expect(toggledRange(["a", "b", "c", "d"], order, "b", "d")).toEqual(["a"]);
  });

  it("with shift but no row before takes that one", () => {
    expect(toggledRange([], order, null, "c")).toEqual(["c"]);
    expect(toggledRange([], order, "gone", "c")).toEqual(["c"]);
  });

  it("by keys stops at the ends", () => {
    expect(moved(order, null, 1)).toBe("a");
    expect(moved(order, null, -1)).toBe("e");
    expect(moved(order, "e", 1)).toBe("e");
    expect(moved(order, "b", -1)).toBe("a");
    expect(moved([], "b", 1)).toBeNull();
  });
});

describe("runs on the charts", () => {
  const order = ["a", "b", "c", "d", "e"];

  it("are the first ones, those asked for, and none that are hidden", () => {
    expect(visibleIds(order, { hidden: [], shown: [] }, 2)).toEqual(["a", "b"]);
    expect(visibleIds(order, { hidden: ["a"], shown: ["e"] }, 2)).toEqual(["b", "c", "e"]);
  });

  it("are never more than one call may name", () => {
    const many = Array.from({ length: 300 }, (_, index) => `r${index}`);
    expect(visibleIds(many, { hidden: [], shown: many }, 100)).toHaveLength(100);
  });

  it("come and go with the eye", () => {
    const hidden = eyeToggled({ hidden: [], shown: ["a"] }, "a", true);
    expect(hidden).toEqual({ hidden: ["a"], shown: [] });
    expect(eyeToggled(hidden, "a", false)).toEqual({ hidden: [], shown: ["a"] });
  });
});

describe("the comparison", () => {
  const runs = [run("a", { lr: "1", seed: "7" }, { loss: 0.5 }), run("b", { lr: "2", seed: "7" }, {})];

  it("shows only what differs, and absence is a difference", () => {
    const groups = comparison(runs, true);
    expect(groups.map((group) => group.title)).toEqual(["Params", "Metrics"]);
    expect(groups[0]?.rows).toEqual([{ key: "lr", values: ["1", "2"], isDifferent: true }]);
    expect(groups[1]?.rows[0]?.values).toEqual(["0.5", null]);
  });

  it("tells metrics apart that read the same", () => {
    const close = [run("a", {}, { loss: 0.1234561 }), run("b", {}, { loss: 0.1234562 })];
    expect(comparison(close, true)[0]?.rows).toEqual([
      { key: "loss", values: ["0.12346", "0.12346"], isDifferent: true },
    ]);
    const undefinedTwice = [run("a", {}, { loss: Number.NaN }), run("b", {}, { loss: Number.NaN })];
    expect(comparison(undefinedTwice, true)).toEqual([]);
  });

  it("shows everything when asked to", () => {
    const keys = comparison(runs, false).flatMap((group) => group.rows.map((row) => row.key));
    expect(keys).toEqual(["lr", "seed", "loss", "team"]);
  });
});

describe("the columns that are drawn", () => {
  const around = (startIndex: number, endIndex: number, count: number) =>
    columnsAround({ startIndex, endIndex, overscan: 2, count });

  it("are all of them where there are few", () => {
    expect(around(3, 5, 7)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(around(0, 0, 0)).toEqual([]);
  });

  it("are whole blocks, so that a short way is no work", () => {
    expect(around(14, 16, 300)).toEqual([12, 13, 14, 15, 16, 17, 18, 19]);
    expect(around(15, 17, 300)).toEqual(around(14, 16, 300));
    expect(around(0, 5, 300).length).toBe(8);
    expect(around(295, 299, 300).at(-1)).toBe(299);
    expect(around(13, 16, 300)[0]).toBe(8);
  });
});

describe("the screen in the address", () => {
  it("reads back as it was written", () => {
    const settings = tableSettingsOf(new URLSearchParams());
    const wanted = {
      ...settings,
      filter: "metrics.a > 1",
      order: { column: "params.lr", isDescending: false },
      isDeleted: true,
      columns: ["about.status", "metrics.a,b"],
      pinned: ["metrics.a,b"],
      selected: ["r1", "r2"],
      eyes: { hidden: ["r3"], shown: ["r4"] },
      limit: 50,
      groupBy: "params.a,b",
      pane: "compare" as const,
      panelSearch: "val/",
      onlyDifferent: false,
    };
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(tableChange(wanted))) if (value) query.set(name, value);
    expect(tableSettingsOf(query)).toEqual(wanted);
  });

  it("leaves out what is as usual", () => {
    const usual = tableSettingsOf(new URLSearchParams());
    const written = Object.entries(tableChange(usual)).filter(([, value]) => value);
    expect(written).toEqual([["order", "about.start_time:desc"]]);
  });
});
