import { prefix } from "./address.ts";
import { lost, restored } from "./connection.ts";
import { ask } from "./session.ts";

/** The server answered, and said no. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "Refused";
  }
}

/** The server did not answer at all. */
export class Unreachable extends Error {
  constructor() {
    super("The server did not answer.");
    this.name = "Unreachable";
  }
}

/** Proxies in front of a server that is down answer for it with these. */
const GATEWAY_STATUSES = new Set([502, 503, 504]);

/** Return what a server's bad answer means: it said no, or a proxy says that there is no server. */
export function failureOf(
  status: number,
  text: string,
  statusText: string,
  isSigningIn = false,
): Refused | Unreachable {
  let code = "";
  let message = text.slice(0, 300) || statusText;
  try {
    const body = JSON.parse(text) as { error_code?: string; message?: string };
    code = body.error_code ?? "";
    message = body.message ?? statusText;
  } catch {
    // No words of the server's own.
  }
  if (GATEWAY_STATUSES.has(status) && code === "") {
    lost();
    return new Unreachable();
  }
  restored();
  // One who is signing in has been asked already.
  if (status === 401 && !isSigningIn) ask();
  return new Refused(status, code, message);
}

/** Send a request below this page's prefix, as whoever has signed in, and answer the response when it is a success. */
export async function send(path: string, init: RequestInit = {}, base: string = prefix()): Promise<Response> {
  const headers = new Headers(init.headers);
  let response: Response;
  try {
    response = await fetch(base + path, { ...init, headers, credentials: "same-origin" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    lost();
    throw new Unreachable();
  }
  if (response.ok) {
    restored();
    return response;
  }
  throw failureOf(response.status, await response.text(), response.statusText, headers.has("Authorization"));
}

export async function getJson<T>(path: string, signal?: AbortSignal, base?: string): Promise<T> {
  const response = await send(path, signal ? { signal } : {}, base);
  return (await response.json()) as T;
}

/** Put what is given behind a path; what is null or empty is left out. */
export function withQuery(path: string, query: Record<string, string | number | boolean | null>): string {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== "");
  if (given.length === 0) return path;
  return `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

export async function remove(path: string, base?: string): Promise<void> {
  await send(path, { method: "DELETE" }, base);
}

export async function sendJson<T>(
  method: "POST" | "PUT" | "PATCH",
  path: string,
  body: unknown,
  signal?: AbortSignal,
  base?: string,
): Promise<T> {
  const init: RequestInit = {
    method,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  };
  const response = await send(path, init, base);
  return (await response.json()) as T;
}
