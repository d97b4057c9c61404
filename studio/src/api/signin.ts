/** The ways in and out. */
import { serverRoot } from "./address.ts";
import { getJson, remove, send } from "./transport.ts";

export interface Provider {
  name: string;
  login_path: string;
}

export async function getProvider(signal?: AbortSignal): Promise<Provider | null> {
  return (await getJson<{ oidc: Provider | null }>("api/v1/sign-in", signal, serverRoot())).oidc;
}

/** Where the browser goes to sign in by a provider of identities, to come back to this page. */
export function providerAddress(provider: Provider): string {
  const { pathname, search, hash } = window.location;
  // The server adds where it starts itself.
  const below = `/${pathname.slice(serverRoot().length)}${search}${hash}`;
  const path = provider.login_path.replace(/^\//, "");
  return `${serverRoot()}${path}?${new URLSearchParams({ return_to: below })}`;
}

/** Exchange an API key for a session, which the browser keeps in a cookie. The key itself is not kept. */
export async function signInWithKey(apiKey: string): Promise<void> {
  await send(
    "api/v1/session",
    { method: "POST", headers: { Authorization: `Bearer ${apiKey}` } },
    serverRoot(),
  );
}

export const endSession = () => remove("api/v1/session", serverRoot());
