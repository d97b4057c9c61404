/** The ways in and out. */
import { serverRoot } from "./address.ts";
import { getJson, send } from "./transport.ts";

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

/** End the session; answer where the one with the provider of identities ends, if there is such a place. */
export async function endSession(): Promise<string | null> {
  const response = await send("api/v1/session", { method: "DELETE" }, serverRoot());
  return ((await response.json()) as { provider_sign_out_url: string | null }).provider_sign_out_url;
}
