/** The screens of sweeps, loaded when somebody opens one. */
export { SweepScreen } from "./SweepScreen.tsx";
export { SweepsScreen } from "./SweepsScreen.tsx";
