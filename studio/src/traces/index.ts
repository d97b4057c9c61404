/** The screens of traces and sessions, loaded when somebody opens one. */
export { RunTraces } from "./RunTraces.tsx";
export { SessionScreen } from "./SessionScreen.tsx";
export { SessionsScreen } from "./SessionsScreen.tsx";
export { TraceScreen } from "./TraceScreen.tsx";
export { TracesScreen } from "./TracesScreen.tsx";
