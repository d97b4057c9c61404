import { may } from "../api/caller.ts";
import type { Caller } from "../api/identity.ts";

/** Whether the caller may describe a workspace and give others roles in it. */
export const mayManage = (caller: Caller | null, workspace: string) =>
  may(caller, "ADMINISTER") || caller?.roles[workspace] === "owner";
