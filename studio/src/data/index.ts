/** The screens of data, loaded when somebody opens one. */
export { DatastoreScreen } from "./DatastoreScreen.tsx";
export { DatastoresScreen } from "./DatastoresScreen.tsx";
