/** The addresses of this page's server, from where the page itself stands. */

const WORKSPACE_TAIL =
  /(?:workspaces\/[^/]+\/|mlflow\/v[12]\.0\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/[^/]+\/workspaces\/[^/]+\/)$/i;

/** `/workspaces/x/index.html` -> `/workspaces/x/`: what every API path of this workspace is put behind. */
export function prefixOf(pathname: string): string {
  return pathname.replace(/[^/]*$/, "") || "/";
}

/** The prefix without the part that names a workspace: where the server itself starts. */
export function serverRootOf(pathname: string): string {
  return prefixOf(pathname).replace(WORKSPACE_TAIL, "") || "/";
}

/** The workspace that the address names, or null for the server's default one. */
export function workspaceOf(pathname: string): string | null {
  const tail = WORKSPACE_TAIL.exec(prefixOf(pathname));
  if (!tail) return null;
  const name = tail[0].split("/").at(-2) ?? "";
  return decodeURIComponent(name);
}

export const prefix = () => prefixOf(window.location.pathname);
export const serverRoot = () => serverRootOf(window.location.pathname);
export const currentWorkspace = () => workspaceOf(window.location.pathname);

/** The name of the workspace on screen. */
export const workspaceName = () => currentWorkspace() ?? "default";

/** What a client sets MLFLOW_TRACKING_URI to, to log into the workspace on screen. */
export function trackingUri(): string {
  return (window.location.origin + prefix()).replace(/\/$/, "");
}
