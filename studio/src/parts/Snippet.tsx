import { CopyButton } from "./CopyButton.tsx";

/** Code to copy and paste. */
export function Snippet({ code }: { code: string }) {
  return (
    <div className="snippet">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <pre tabIndex={0}>{code}</pre>
      <CopyButton text={code} label="Copy the snippet" />
    </div>
  );
}
