import { useEffect, useState } from "react";
import { IconButton } from "./IconButton.tsx";

const SHOWN_MS = 1500;

/** Without a secure context (http to another host) browsers offer only the old way. */
async function copyText(text: string): Promise<void> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const field = document.createElement("textarea");
  field.value = text;
  field.setAttribute("aria-hidden", "true");
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [outcome, setOutcome] = useState<"copied" | "failed" | null>(null);
  useEffect(() => {
    if (!outcome) return;
    const timer = setTimeout(() => setOutcome(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = () =>
    copyText(text).then(
      () => setOutcome("copied"),
      () => setOutcome("failed"),
    );
  const spoken =
    outcome === "copied" ? "Copied" : outcome === "failed" ? "The browser refused to copy" : label;
  return <IconButton icon={outcome === "copied" ? "check" : "copy"} label={spoken} onClick={copy} />;
}
