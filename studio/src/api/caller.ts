/** Who the server takes this browser for, and what it lets them do here. */
import { useQuery } from "@tanstack/react-query";
import { workspaceName } from "./address.ts";
import { type Caller, getCaller, PERMISSIONS, type Permission } from "./identity.ts";
import { useSession } from "./session.ts";

/** Who is signed in; with `isFresh`, asked again by what appears now, as roles may have changed. */
export function useCaller(isFresh = false): Caller | null {
  const { isAsked } = useSession();
  const { data } = useQuery({
    queryKey: ["caller"],
    queryFn: ({ signal }) => getCaller(signal),
    enabled: !isAsked,
    staleTime: 15_000,
    refetchOnMount: isFresh ? "always" : true,
    refetchInterval: 60_000,
  });
  return isAsked ? null : (data ?? null);
}

/** Whether the caller has a permission in all of the workspace on screen. */
export const may = (caller: Caller | null, permission: Permission) =>
  caller !== null && PERMISSIONS.indexOf(caller.permission) >= PERMISSIONS.indexOf(permission);

/** What a role in one experiment lets people do there. */
const OF_ROLES: Record<string, Permission> = { reader: "READ", contributor: "CONTRIBUTE", owner: "MANAGE" };

/** Whether the caller has a permission in an experiment: in all of the workspace, or there alone. */
export function mayIn(caller: Caller | null, permission: Permission, experimentId: string): boolean {
  const there = OF_ROLES[caller?.experiment_roles[workspaceName()]?.[experimentId] ?? ""];
  const isThere = there !== undefined && PERMISSIONS.indexOf(there) >= PERMISSIONS.indexOf(permission);
  return isThere || may(caller, permission);
}

/** Whether they may give others a role in one experiment. */
export const mayShare = (caller: Caller | null, experimentId: string) =>
  may(caller, "MANAGE") || caller?.experiment_roles[workspaceName()]?.[experimentId] === "owner";

/** What somebody is here, in a few words. */
export function roleText(caller: Caller, workspace: string): string {
  if (caller.is_local_owner) return "at this machine";
  if (caller.is_administrator) return "administrator";
  const role = caller.roles[workspace];
  const experiments = Object.keys(caller.experiment_roles[workspace] ?? {}).length;
  if (role) return `${role} of ${workspace}`;
  if (experiments > 0) return `sees ${experiments} of the experiments of ${workspace}`;
  if (may(caller, "READ")) return `${caller.permission.toLowerCase()} in ${workspace}`;
  return `no role in ${workspace}`;
}
