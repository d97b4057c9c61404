/** The screens of workspaces, loaded when somebody opens one. */
export { WorkspaceScreen } from "./WorkspaceScreen.tsx";
export { WorkspacesScreen } from "./WorkspacesScreen.tsx";
