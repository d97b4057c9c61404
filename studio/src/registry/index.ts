/** The screens of registered models and prompts, loaded when somebody opens one. */
export { ModelVersionScreen } from "./ModelVersionScreen.tsx";
export { RegisteredModelScreen } from "./RegisteredModelScreen.tsx";
export { RegistryScreen } from "./RegistryScreen.tsx";
