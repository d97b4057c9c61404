/** The screens of data, loaded when somebody opens one. */
export { AssetScreen } from "./AssetScreen.tsx";
export { AssetsScreen } from "./AssetsScreen.tsx";
export { DatastoreScreen } from "./DatastoreScreen.tsx";
export { DatastoresScreen } from "./DatastoresScreen.tsx";
export { EnvironmentScreen } from "./EnvironmentScreen.tsx";
export { EnvironmentsScreen } from "./EnvironmentsScreen.tsx";
