/** The screens of compute targets, loaded when somebody opens one. */
export { ComputeScreen } from "./ComputeScreen.tsx";
export { ComputeTargetScreen } from "./ComputeTargetScreen.tsx";
