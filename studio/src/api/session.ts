/** The token of this tab, and whether the server asked for one. */
import { useSyncExternalStore } from "react";

export interface Session {
  token: string;
  scope: string;
  expiresMs: number;
}

export interface SessionState {
  session: Session | null;
  isAsked: boolean;
}

const STORAGE_KEY = "runyard.session";
const listeners = new Set<() => void>();

function stored(): Session | null {
  const text = window.sessionStorage.getItem(STORAGE_KEY);
  if (text === null) return null;
  const session: Session = JSON.parse(text);
  return session.expiresMs > Date.now() ? session : null;
}

let state: SessionState | null = null;

function current(): SessionState {
  state ??= { session: stored(), isAsked: false };
  return state;
}

function publish(next: SessionState): void {
  state = next;
  if (next.session) window.sessionStorage.setItem(STORAGE_KEY, JSON.stringify(next.session));
  else window.sessionStorage.removeItem(STORAGE_KEY);
  for (const listener of listeners) listener();
}

export const bearer = (): string | null => current().session?.token ?? null;
export const begin = (session: Session) => publish({ session, isAsked: false });
export const end = () => publish({ session: null, isAsked: true });

/** The server does not take this token any more; whether it needs one at all, the next answer says. */
export function forget(token: string): void {
  if (token === bearer()) publish({ session: null, isAsked: false });
}

/** The server refused a request without a token: ask the person, unless they have given one by now. */
export function ask(): void {
  if (bearer() === null && !current().isAsked) publish({ session: null, isAsked: true });
}

export function useSession(): SessionState {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, current);
}
