import { end } from "../api/session.ts";

/** End the session. */
export async function signOut(): Promise<void> {
  end();
}
