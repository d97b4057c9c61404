import { useState } from "react";
import { CopyButton } from "../parts/CopyButton.tsx";

const MOST_CHARACTERS = 2000;
const MOST_LINES = 24;

/** The beginning of a text that is too long to be shown at once, or the whole of it. */
function beginningOf(text: string): string {
  const lines = text.slice(0, MOST_CHARACTERS).split("\n");
  return lines.slice(0, MOST_LINES).join("\n");
}

/** Text as it is; of a long one the beginning, until the rest is asked for. */
export function LongText({ text, label, isCode = false }: { text: string; label: string; isCode?: boolean }) {
  const [isWhole, setIsWhole] = useState(false);
  const beginning = beginningOf(text);
  const isLong = beginning.length < text.length;
  return (
    <div className={`long-text ${isCode ? "code" : ""}`}>
      <pre className="wrap-anywhere">{isWhole ? text : beginning}</pre>
      {isLong && (
        <button type="button" className="button small" onClick={() => setIsWhole(!isWhole)}>
          {isWhole ? "Show less" : `Show all ${text.length.toLocaleString("en")} characters`}
        </button>
      )}
      {text && <CopyButton text={text} label={`Copy: ${label}`} />}
    </div>
  );
}
