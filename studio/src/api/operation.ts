/** How the server fares. */
import { prefix } from "./address.ts";
import { getJson, send, sendJson, Unreachable, withQuery } from "./transport.ts";

export interface Readiness {
  is_ready: boolean;
  problems: string[];
}

/** A server that can't work says so with 503, which elsewhere means that a proxy answers for it. */
export async function getReadiness(signal?: AbortSignal): Promise<Readiness> {
  const response = await fetch(`${prefix()}readyz`, signal ? { signal } : {});
  try {
    return (await response.json()) as Readiness;
  } catch {
    throw new Unreachable();
  }
}

/** The figures for Prometheus, as text. */
export async function getMetricsText(signal?: AbortSignal): Promise<string> {
  return (await send("metrics", signal ? { signal } : {})).text();
}

export const rotateSigningKey = () =>
  sendJson<{ key_id: string; created_ms: number }>("POST", "api/v1/signing-keys/rotate", {});

export interface Check {
  is_whole: boolean;
  faults: { where: string; what: string; advice: string }[];
  looked_at: Record<string, number>;
}

export const checkData = () => getJson<Check>("api/v1/check");

export interface ServerEvent {
  event_number: number;
  kind: string;
  workspace: string | null;
  happened_ms: number;
  message: string;
}

interface EventsPage {
  events: ServerEvent[];
  next_page_token: string | null;
}

export const listEvents = (pageToken: string | null, signal?: AbortSignal) =>
  getJson<EventsPage>(
    withQuery("api/v1/events", { all_workspaces: true, max_results: 50, page_token: pageToken }),
    signal,
  );
