/** What models and prompts are called on screen. */
import type { RegistryKind } from "../api/registry.ts";

export const TITLES: Record<RegistryKind, string> = { models: "Models", prompts: "Prompts" };
export const ONE: Record<RegistryKind, string> = { models: "model", prompts: "prompt" };

/** The text of a version of a prompt. */
export const PROMPT_TEXT_TAG = "mlflow.prompt.text";
/** Tags by which MLflow tells prompts from models: nothing for people. */
export const isInnerTag = (key: string) => key.startsWith("mlflow.prompt.");
