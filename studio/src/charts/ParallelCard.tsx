import { useMemo, useState } from "react";
import { useTheme } from "../app/theme.ts";
import { number } from "../parts/format.ts";
import { Menu } from "../parts/Menu.tsx";
import { ParallelPlot } from "./ParallelPlot.tsx";
import {
  type Axis,
  axisOf,
  type Dimension,
  firstAxes,
  keptLines,
  placeAt,
  type Range,
  shadesOf,
  valueAt,
} from "./parallel.ts";

interface Props {
  dimensions: Dimension[];
  /** What the lines are called. */
  names: string[];
  /** The key of the dimension that lines have their colours by at first. */
  colourBy: string | null;
  onOpen: (line: number) => void;
}

const NONE: ReadonlyMap<string, never> = new Map<string, never>();

/** A map with another value of a key; null takes the key out. */
function withValue<T>(map: ReadonlyMap<string, T>, key: string, value: T | null): ReadonlyMap<string, T> {
  const next = new Map(map);
  if (value === null) next.delete(key);
  else next.set(key, value);
  return next;
}

/** Runs as lines over their params and metrics: which ones are good, and what they have in common. */
export function ParallelCard({ dimensions, names, colourBy: firstColour, onOpen }: Props) {
  const [chosen, setChosen] = useState<string[] | null>(null);
  const [logs, setLogs] = useState<ReadonlyMap<string, boolean>>(NONE);
  const [ranges, setRanges] = useState<ReadonlyMap<string, Range>>(NONE);
  const [colour, setColour] = useState<string | null>(null);
  const all = useMemo(() => dimensions.map((one) => axisOf(one, logs.get(one.key))), [dimensions, logs]);
  const shown = useMemo(() => chosen ?? firstAxes(dimensions), [chosen, dimensions]);
  const axes = useMemo(() => all.filter(({ key }) => shown.includes(key)), [all, shown]);
  const numeric = axes.filter((axis) => axis.names === null);
  const wanted = numeric.find(({ key }) => key === (colour ?? firstColour));
  // What was to colour them may be the same for all, and then has no axis.
  const coloured = wanted ?? (colour === null ? numeric.at(-1) : undefined);
  const keptCount = keptLines(axes, ranges, names.length).filter(Boolean).length;
  const isCut = axes.some(({ key }) => ranges.has(key));
  const onRange = (key: string, range: Range | null) => setRanges((before) => withValue(before, key, range));
  return (
    <section className="card parallel-card" aria-label="Parallel coordinates">
      <header className="row wrap">
        <h2 className="grow">Parallel coordinates</h2>
        {isCut && (
          <>
            <span className="quiet number" role="status">
              {keptCount} of {names.length}
            </span>
            <button type="button" className="button small" onClick={() => setRanges(NONE)}>
              Clear the ranges
            </button>
          </>
        )}
        <label className="row">
          <span className="quiet nowrap">Colour by</span>
          <select
            className="field"
            value={coloured?.key ?? ""}
            onChange={(event) => setColour(event.target.value)}
          >
            <option value="">nothing</option>
            {numeric.map(({ key, label }) => (
              <option key={key} value={key}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <Menu label="Axes" button="Axes" buttonClass="button small">
          {() => (
            <ul className="axis-list">
              {all.map((axis) => (
                <AxisSettings
                  key={axis.key}
                  axis={axis}
                  isShown={shown.includes(axis.key)}
                  onShow={(isShown) =>
                    setChosen(isShown ? [...shown, axis.key] : shown.filter((key) => key !== axis.key))
                  }
                  onLog={(isLog) => {
                    // A range is of places, which mean other values now.
                    onRange(axis.key, null);
                    setLogs(withValue(logs, axis.key, isLog));
                  }}
                  range={ranges.get(axis.key)}
                  onRange={(range) => onRange(axis.key, range)}
                />
              ))}
            </ul>
          )}
        </Menu>
      </header>
      {axes.length < 2 ? (
        <p className="quiet card-note">
          There is something to see where these differ in two params or metrics at least; “Axes” has all there
          are.
        </p>
      ) : (
        <>
          <ParallelPlot
            axes={axes}
            colourBy={coloured?.key ?? null}
            names={names}
            ranges={ranges}
            onRange={onRange}
            onOpen={onOpen}
          />
          {coloured && <ColourKey axis={coloured} />}
        </>
      )}
    </section>
  );
}

function ColourKey({ axis }: { axis: Axis }) {
  const theme = useTheme();
  return (
    <p className="row card-note quiet colour-key">
      <span className="number">{number(axis.least)}</span>
      <span
        className="colour-scale"
        style={{ background: `linear-gradient(90deg, ${shadesOf(theme).join(", ")})` }}
      />
      <span className="number">{number(axis.most)}</span>
      <span className="ellipsis">{axis.label}</span>
    </p>
  );
}

interface SettingsProps {
  axis: Axis;
  isShown: boolean;
  range: Range | undefined;
  onShow: (isShown: boolean) => void;
  onLog: (isLog: boolean) => void;
  onRange: (range: Range | null) => void;
}

/** What can be said of an axis without a pointer. */
function AxisSettings({ axis, isShown, range, onShow, onLog, onRange }: SettingsProps) {
  const { label, names, isLog, mayBeLog } = axis;
  const bound = (side: "from" | "to") => {
    if (!range) return "";
    const value = range[side];
    return (side === "from" && value === 0) || (side === "to" && value === 1)
      ? ""
      : String(Number(valueAt(axis, value).toPrecision(6)));
  };
  function set(side: "from" | "to", text: string) {
    const rest = range ?? { from: 0, to: 1 };
    const place = text.trim() === "" ? (side === "from" ? 0 : 1) : placeAt(axis, Number(text));
    if (Number.isNaN(place)) return;
    const next = { ...rest, [side]: place };
    onRange(next.from === 0 && next.to === 1 ? null : next);
  }
  return (
    <li>
      <label className="check">
        <input type="checkbox" checked={isShown} onChange={(event) => onShow(event.target.checked)} />
        <span className="wrap-anywhere">{label}</span>
      </label>
      {isShown && names === null && (
        <span className="row axis-bounds">
          {(["from", "to"] as const).map((side) => (
            <input
              key={side}
              className="field number"
              type="number"
              step="any"
              aria-label={`${label} ${side}`}
              placeholder={side}
              defaultValue={bound(side)}
              onChange={(event) => set(side, event.target.value)}
            />
          ))}
          {mayBeLog && (
            <label className="check">
              <input type="checkbox" checked={isLog} onChange={(event) => onLog(event.target.checked)} />
              log
              <span className="visually-hidden"> axis of {label}</span>
            </label>
          )}
        </span>
      )}
    </li>
  );
}
