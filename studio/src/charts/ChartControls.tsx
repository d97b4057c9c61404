import type { XAxis } from "../api/runyard.ts";
import { Segments } from "../parts/Segments.tsx";
import type { ChartSettings } from "./settings.ts";

const X_LABELS: Record<XAxis, string> = { step: "Step", time: "Time", relative: "Relative" };

/** How all panels of a screen are drawn. */
export function ChartControls({
  settings,
  onChange,
}: {
  settings: ChartSettings;
  onChange: (change: Partial<ChartSettings>) => void;
}) {
  return (
    <>
      <Segments
        label="X axis"
        choices={(Object.keys(X_LABELS) as XAxis[]).map((x) => [x, X_LABELS[x]] as const)}
        chosen={settings.x}
        onChoose={(x) => onChange({ x })}
      />
      <fieldset className="segments" aria-label="Logarithmic axes">
        <button
          type="button"
          className="button"
          aria-pressed={settings.isLogX}
          title="Logarithmic x axis: what lies at 0 is left out"
          disabled={settings.x === "time"}
          onClick={() => onChange({ isLogX: !settings.isLogX })}
        >
          log x
        </button>
        <button
          type="button"
          className="button"
          aria-pressed={settings.isLog}
          title="Logarithmic y axis"
          onClick={() => onChange({ isLog: !settings.isLog })}
        >
          log y
        </button>
      </fieldset>
      <label className="check smoothing">
        Smoothing
        <input
          type="range"
          min={0}
          max={0.99}
          step={0.01}
          value={settings.smoothing}
          onChange={(event) => onChange({ smoothing: Number(event.target.value) })}
        />
        <span className="number">{settings.smoothing.toFixed(2)}</span>
      </label>
      {/* Always there: one that came with a zoom would move the charts down. */}
      <button
        type="button"
        className="button"
        disabled={settings.zoom === null}
        onClick={() => onChange({ zoom: null })}
      >
        Reset zoom
      </button>
    </>
  );
}
