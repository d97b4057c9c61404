/** The screens of the administration, and who has use for each. */
import type { Permission } from "../api/identity.ts";

export interface Section {
  name: string;
  title: string;
  /** What it needs in the workspace on screen. */
  permission: Permission;
  /** The heading that it stands under. */
  group: "This workspace" | "This server";
}

export const SECTIONS: readonly Section[] = [
  { name: "roles", title: "Roles", permission: "MANAGE", group: "This workspace" },
  { name: "trash", title: "Trash", permission: "MANAGE", group: "This workspace" },
  { name: "storage", title: "Storage", permission: "MANAGE", group: "This workspace" },
  { name: "people", title: "People", permission: "ADMINISTER", group: "This server" },
  { name: "groups", title: "Groups", permission: "ADMINISTER", group: "This server" },
  { name: "services", title: "Service principals", permission: "ADMINISTER", group: "This server" },
  { name: "keys", title: "API keys", permission: "ADMINISTER", group: "This server" },
  { name: "audit", title: "Audit", permission: "ADMINISTER", group: "This server" },
  { name: "health", title: "Health", permission: "ADMINISTER", group: "This server" },
];
