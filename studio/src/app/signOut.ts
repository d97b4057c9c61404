import { ask } from "../api/session.ts";
import { endSession } from "../api/signin.ts";
import { Refused } from "../api/transport.ts";

/** End the session, on the server and on the page; a provider of identities ends its own on a page of its own. */
export async function signOut(): Promise<void> {
  try {
    const elsewhere = await endSession();
    if (elsewhere !== null) {
      window.location.assign(elsewhere);
      return;
    }
  } catch (error) {
    // One that is over already needs no ending; while the server is away, the banner says so.
    if (!(error instanceof Refused)) return;
  }
  ask();
}
