export { AdminScreen } from "./AdminScreen.tsx";
export { KeysScreen } from "./KeysScreen.tsx";
export { ShareScreen } from "./ShareScreen.tsx";
