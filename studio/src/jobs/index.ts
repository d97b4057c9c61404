/** The screens of jobs, loaded when somebody opens one. */
export { JobScreen } from "./JobScreen.tsx";
export { JobsScreen } from "./JobsScreen.tsx";
