import { lazy, Suspense } from "react";

const Markdown = lazy(() => import("./Markdown.tsx"));

/** What somebody wrote about a thing, in Markdown; as it was written until that can be shown. */
export function Note({ text }: { text: string }) {
  return (
    <Suspense fallback={<p className="note-text wrap-anywhere">{text}</p>}>
      <Markdown text={text} />
    </Suspense>
  );
}
