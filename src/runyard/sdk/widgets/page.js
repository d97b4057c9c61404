// What a notebook's page does with the content that the kernel sends. It asks no server for anything, and
// whatever people named their runs, params and metrics is text: nothing here reads HTML.

const SVG = "http://www.w3.org/2000/svg";
const COLOURS = 12;
const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [320, 170, 46, 18, 8];

export default {
  render({ model, el }) {
    const root = make("div", { class: "runyard" });
    el.append(root);
    const view = VIEWS[model.get("content").kind](root, model);
    const draw = () => {
      root.dataset.theme = isLight(getComputedStyle(root).color) ? "dark" : "light";
      view(model.get("content"));
    };
    draw();
    // Not before it is on the page is its colour known.
    const frame = requestAnimationFrame(draw);
    model.on("change:content", draw);
    return () => {
      cancelAnimationFrame(frame);
      model.off("change:content", draw);
    };
  },
};

const VIEWS = { run: runView, runs: runsView, compare: compareView };

function runView(root, model) {
  return (content) => {
    const { run } = content;
    root.replaceChildren(
      header(model, [linked(run), status(run), quiet(times(run))]),
      ...problem(content),
      list(content.facts.filter(([, text]) => text)),
      make("div", { class: "runyard-tables" }, [
        table(["Metric", "Latest"], content.metrics.map(cells), "Metrics"),
        table(["Param", "Value"], content.params.map(cells), "Params"),
      ]),
      ...leftOut(content),
      charts(content.charts, [run]),
    );
  };
}

function compareView(root, model) {
  return (content) => {
    const heads = content.runs.map((run, at) => make("span", {}, [swatch(at), linked(run)]));
    const again = () => heads.map((head) => head.cloneNode(true));
    root.replaceChildren(
      header(model, [make("h3", {}, [`${content.runs.length} runs`])]),
      ...problem(content),
      table(["", ...again()], [["Status", ...content.runs.map(status)]], "Runs"),
      content.params.length
        ? table(["Param that differs", ...again()], content.params.map(side), "Params that differ")
        : quiet("No param differs."),
      quiet(content.equal_params ? `Params that are the same in all: ${content.equal_params}` : ""),
      table(["Metric", ...again()], content.metrics.map(side), "Metrics"),
      ...leftOut(content),
      charts(content.charts, content.runs),
    );
  };
}

function runsView(root, model) {
  const state = { by: null, down: false };
  const search = make("input", { type: "search", placeholder: "Search", "aria-label": "Search runs" });
  const [top, body] = [make("div"), make("div")];
  root.append(top, body);
  const refresh = (focused) => {
    const content = model.get("content");
    const columns = columnsOf(content, model);
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = content.rows.filter((row) => {
      const text = columns
        .map((column) => column.text(row))
        .join("\n")
        .toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const sorted = columns.find((column) => column.name === state.by);
    if (sorted) shown.sort((one, other) => compare(sorted.value(one), sorted.value(other), state.down));
    count.textContent = counted(shown.length, content);
    body.replaceChildren(
      ...problem(content),
      content.rows.length
        ? table(
            columns.map((column) => sorter(column, state, refresh)),
            shown.map((row) => columns.map((column) => column.cell(row))),
            "Runs",
          )
        : quiet("There are no runs yet."),
    );
    const buttons = [...body.querySelectorAll("[data-column]")];
    buttons.find((button) => button.dataset.column === focused)?.focus();
  };
  const count = quiet("");
  search.addEventListener("input", () => refresh());
  return (content) => {
    // Who is typing keeps the field: only what is around it is made anew.
    if (!search.isConnected) {
      top.replaceChildren(header(model, [make("h3", {}, [content.title]), search, count]));
    }
    const active = document.activeElement;
    refresh(active instanceof HTMLElement && body.contains(active) ? active.dataset.column : undefined);
  };
}

function counted(shown, content) {
  const all = content.rows.length;
  const more = content.has_more ? " newest" : "";
  return shown === all ? `${all}${more} runs` : `${shown} of ${all}${more} runs`;
}

function columnsOf(content, model) {
  const plain = (name, value, cell = value) => ({
    name,
    value,
    cell,
    text: (row) => String(value(row) ?? ""),
  });
  const of = (kind, key, at) => ({
    ...plain(
      `${kind}.${key}`,
      (row) => row[kind][at] ?? null,
      (row) => shownValue(row[kind][at]),
    ),
    label: key,
  });
  return [
    {
      ...plain(
        "chosen",
        (row) => row.id,
        (row) => chooser(row, model),
      ),
      label: "",
    },
    { ...plain("name", (row) => row.name, linked), label: "Run" },
    { ...plain("status", (row) => row.status, status), label: "Status" },
    {
      ...plain(
        "started",
        (row) => row.started_ms,
        (row) => moment(row.started_ms),
      ),
      label: "Started",
    },
    { ...plain("took", took, (row) => duration(took(row))), label: "Duration" },
    ...content.params.map((key, at) => of("params", key, at)),
    ...content.metrics.map((key, at) => of("metrics", key, at)),
  ];
}

function sorter(column, state, refresh) {
  if (!column.label) return "";
  const isSorted = state.by === column.name;
  const arrow = isSorted ? (state.down ? " ↓" : " ↑") : "";
  const button = make("button", { type: "button", "data-column": column.name }, [column.label + arrow]);
  button.addEventListener("click", () => {
    state.down = isSorted ? !state.down : false;
    state.by = column.name;
    refresh(column.name);
  });
  return button;
}

function chooser(row, model) {
  const box = make("input", { type: "checkbox", "aria-label": `Choose ${row.name}` });
  box.checked = (model.get("selected") ?? []).includes(row.id);
  box.addEventListener("change", () => {
    const others = (model.get("selected") ?? []).filter((id) => id !== row.id);
    model.set("selected", box.checked ? [...others, row.id] : others);
    model.save_changes();
  });
  return box;
}

/** Numbers by size, whatever else by its text, what is not there last. */
function compare(one, other, isDown) {
  if (one === null || other === null) return Number(one === null) - Number(other === null);
  const [left, right] = [Number(one), Number(other)];
  const areNumbers = one !== "" && other !== "" && !Number.isNaN(left) && !Number.isNaN(right);
  const order = areNumbers
    ? left - right
    : String(one).localeCompare(String(other), undefined, { numeric: true });
  return isDown ? -order : order;
}

function charts(all, runs) {
  return make(
    "div",
    { class: "runyard-charts" },
    all.map((chart) => figure(chart, runs)),
  );
}

function figure({ key, lines }, runs) {
  const points = lines.map((line) => ({ ...line, y: line.y.map(Number) }));
  const reading = make("div", { class: "runyard-reading runyard-quiet" });
  const drawn = plot(points, key, runs, reading);
  return make("figure", {}, [make("figcaption", {}, [key]), drawn, reading]);
}

function plot(lines, key, runs, reading) {
  const finite = lines.flatMap((line) => line.y).filter(Number.isFinite);
  const across = extent(lines.flatMap((line) => line.x));
  const up = extent(finite);
  const x = (step) => LEFT + ((step - across[0]) / (across[1] - across[0])) * (WIDTH - LEFT - 6);
  const y = (value) => TOP + (1 - (value - up[0]) / (up[1] - up[0])) * (HEIGHT - TOP - BOTTOM);
  const rule = draw("line", { class: "runyard-grid", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  const svg = draw(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${key} by step` },
    [
      ...ticks(up).flatMap((value) => [
        draw("line", { class: "runyard-grid", x1: LEFT, x2: WIDTH - 6, y1: y(value), y2: y(value) }),
        draw("text", { x: LEFT - 4, y: y(value) + 3, "text-anchor": "end" }, [number(value)]),
      ]),
      draw("text", { x: LEFT, y: HEIGHT - 4 }, [number(across[0])]),
      draw("text", { x: WIDTH - 6, y: HEIGHT - 4, "text-anchor": "end" }, [`step ${number(across[1])}`]),
      rule,
      ...lines.map((line) =>
        draw("path", { class: "runyard-line", d: path(line, x, y), style: `stroke: ${colour(line.run)}` }),
      ),
    ],
  );
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * WIDTH;
    read(at, lines, x, runs, rule, reading);
  });
  svg.addEventListener("pointerleave", () => {
    rule.setAttribute("visibility", "hidden");
    reading.replaceChildren();
  });
  return svg;
}

function read(at, lines, x, runs, rule, reading) {
  const steps = lines.flatMap((line) => line.x);
  const step = steps.reduce((best, each) => (Math.abs(x(each) - at) < Math.abs(x(best) - at) ? each : best));
  rule.setAttribute("x1", x(step));
  rule.setAttribute("x2", x(step));
  rule.setAttribute("visibility", "visible");
  const found = lines.filter((line) => line.x.includes(step));
  reading.replaceChildren(
    `step ${number(step)}: `,
    ...found.flatMap((line, place) => [
      place ? " · " : "",
      swatch(line.run),
      `${runs.length > 1 ? `${runs[line.run].name} ` : ""}${number(line.y[line.x.indexOf(step)])}`,
    ]),
  );
}

/** A line with a gap where a value is none; a point that stands alone is drawn as a diamond. */
function path(line, x, y) {
  let [text, isOpen] = ["", false];
  line.x.forEach((step, at) => {
    if (!Number.isFinite(line.y[at])) {
      isOpen = false;
      return;
    }
    const place = `${x(step).toFixed(1)} ${y(line.y[at]).toFixed(1)}`;
    const isAlone = !isOpen && !Number.isFinite(line.y[at + 1]);
    text += isOpen ? `L${place}` : `M${place}${isAlone ? "m-2 0l2-2 2 2-2 2z" : ""}`;
    isOpen = true;
  });
  return text;
}

/** @returns {[number, number]} */
function extent(values) {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  return low === high ? [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2] : [low, high];
}

function ticks([low, high]) {
  const rough = (high - low) / 3;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * unit).find((each) => each >= rough) ?? rough;
  const found = [];
  for (let at = Math.ceil(low / step); at * step <= high && found.length < 8; at++) found.push(at * step);
  return found;
}

function header(model, parts) {
  const refresh = make("button", { type: "button" }, ["Refresh"]);
  refresh.addEventListener("click", () => model.send("refresh"));
  return make("header", {}, [...parts, make("span", { class: "runyard-space" }), refresh]);
}

function problem(content) {
  return content.problem ? [make("p", { class: "runyard-problem", role: "alert" }, [content.problem])] : [];
}

function leftOut(content) {
  return content.left_out ? [quiet(`${content.left_out} more are in the Studio.`)] : [];
}

function list(facts) {
  const parts = facts.flatMap(([name, text]) => [quiet(`${name} `), text, " "]);
  return make("div", { class: "runyard-facts" }, parts);
}

function table(columns, rows, name) {
  if (!rows.length) return "";
  const head = make(
    "tr",
    {},
    columns.map((column) => make("th", { scope: "col" }, [column])),
  );
  const lines = rows.map((row) => make("tr", {}, row.map(cell)));
  const drawn = make("table", { "aria-label": name }, [make("thead", {}, [head]), make("tbody", {}, lines)]);
  return make("div", { class: "runyard-scroll" }, [drawn]);
}

function cell(content) {
  const isNumber = typeof content === "object" && content !== null && "number" in content;
  return make("td", isNumber ? { class: "runyard-number" } : {}, [
    isNumber ? content.number : (content ?? ""),
  ]);
}

function shownValue(value) {
  const isWord = ["NaN", "Infinity", "-Infinity"].includes(value);
  return typeof value === "number" || isWord ? { number: number(value) } : (value ?? "");
}

const cells = ([key, value]) => [key, shownValue(value)];
const side = ([key, values]) => [key, ...values.map(shownValue)];

function linked(run) {
  const isWeb = /^https?:\/\//i.test(run.url);
  if (!isWeb) return make("span", {}, [run.name]);
  return make("a", { href: run.url, target: "_blank", rel: "noopener" }, [run.name]);
}

function status(run) {
  return make("span", { class: "runyard-status", "data-status": run.status }, [run.status]);
}

function times(run) {
  return [moment(run.started_ms), duration(took(run))].filter(Boolean).join(", ");
}

function took(run) {
  return run.started_ms && run.ended_ms ? run.ended_ms - run.started_ms : null;
}

function moment(epochMs) {
  return epochMs ? new Date(epochMs).toLocaleString() : "";
}

function duration(ms) {
  if (ms === null) return "";
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.floor(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function number(value) {
  return typeof value === "number" && Number.isFinite(value)
    ? String(Number(value.toPrecision(6)))
    : String(value);
}

function quiet(text) {
  return make("span", { class: "runyard-quiet" }, [text]);
}

function swatch(at) {
  return make("span", { class: "runyard-swatch", style: `background: ${colour(at)}` });
}

function colour(at) {
  return `var(--c${at % COLOURS})`;
}

function isLight(colourText) {
  const [red, green, blue] = (colourText.match(/[\d.]+/g) ?? [0, 0, 0]).map(Number);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 127;
}

function make(name, attributes = {}, children = []) {
  return filled(document.createElement(name), attributes, children);
}

function draw(name, attributes = {}, children = []) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
