import type { ReactNode } from "react";
import { Refused, Unreachable } from "../api/transport.ts";
import { Icon } from "./Icon.tsx";

interface EmptyProps {
  title: string;
  /** Whether it is all that the page has. */
  isPage?: boolean;
  children?: ReactNode;
}

/** Nothing here yet, and what to do next. */
export function Empty({ title, isPage = false, children }: EmptyProps) {
  return (
    <div className="state">
      {isPage ? <h1>{title}</h1> : <h2>{title}</h2>}
      {children}
    </div>
  );
}

/** What went wrong, in words for the person in front of the screen. */
export function failureText(error: unknown): { title: string; detail: string } {
  if (error instanceof Unreachable) {
    return { title: "The server does not answer", detail: "It may be stopped or restarting." };
  }
  if (error instanceof Refused) {
    if (error.status === 401) return { title: "Sign in to see this", detail: error.message };
    if (error.status === 403) return { title: "You may not see this", detail: error.message };
    if (error.status === 404) return { title: "There is nothing at this address", detail: error.message };
    if (error.status === 503) return { title: "That can't be had just now", detail: error.message };
    return { title: "The server refused the request", detail: error.message };
  }
  return { title: "Something went wrong", detail: error instanceof Error ? error.message : String(error) };
}

interface FailureProps {
  error: unknown;
  /** Whether it is all that the page has. */
  isPage?: boolean;
  onRetry?: () => void;
}

export function Failure({ error, isPage = false, onRetry }: FailureProps) {
  const { title, detail } = failureText(error);
  return (
    <div className="state" role="alert">
      {isPage ? <h1>{title}</h1> : <h2>{title}</h2>}
      <p className="quiet wrap-anywhere">{detail}</p>
      {onRetry && (
        <button type="button" className="button" onClick={onRetry}>
          <Icon name="refresh" /> Try again
        </button>
      )}
    </div>
  );
}

const WIDTHS = ["72%", "54%", "86%", "63%", "78%", "47%"];

/** Grey lines where text will be. */
export function Skeleton({ lines = 6, label = "Loading" }: { lines?: number; label?: string }) {
  return (
    <output className="stack" aria-label={label} aria-busy="true">
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines never change place
        <span key={line} className="skeleton" style={{ width: WIDTHS[line % WIDTHS.length] }} />
      ))}
    </output>
  );
}
