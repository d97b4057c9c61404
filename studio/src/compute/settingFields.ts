/** The fields of a form for the settings of a kind of targets, from what the server says of them. Pure. */
import type { Schema } from "../api/compute.ts";
import { linesFrom, pairsFrom, pairsText } from "../parts/pairLines.ts";

/** How a setting is written: `lines` are texts and `numbers` numbers one a line, `pairs` and `amounts` by names. */
export type Shape =
  | "text"
  | "number"
  | "choice"
  | "lines"
  | "numbers"
  | "pairs"
  | "amounts"
  | "json"
  | "group";

export interface SettingField {
  /** What the API calls it in an error: `settings.ssh.host`. */
  name: string;
  key: string;
  label: string;
  hint: string;
  shape: Shape;
  isRequired: boolean;
  /** What it is where nothing is said. */
  fallback: unknown;
  minimum: number | undefined;
  maximum: number | undefined;
  isWhole: boolean;
  /** Those of a group. */
  fields: SettingField[];
}

const WORDS: Record<string, string> = {
  cpu: "CPU",
  cpus: "CPUs",
  gpu: "GPU",
  gpus: "GPUs",
  id: "ID",
  mb: "MB",
  qos: "QoS",
  ssh: "SSH",
  url: "URL",
};

/** `cpus_per_slot` as people write it. */
export function labelOf(name: string): string {
  const text = name
    .split("_")
    .map((word) => WORDS[word] ?? word)
    .join(" ");
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** The fields of what a schema is of, in its order. */
export function fieldsOf(
  schema: Schema,
  place = "settings",
  definitions = schema.$defs ?? {},
): SettingField[] {
  const { properties = {}, required = [] } = resolved(schema, definitions);
  return Object.entries(properties).map(([key, told]) => {
    const options = (told.anyOf ?? [told]).map((one) => resolved(one, definitions));
    const real = options.filter(({ type }) => type !== "null");
    // Where a number or a text may stand, the text says more: `500m`.
    const one = real.find(({ type }) => type === "string") ?? real[0] ?? {};
    const shape = shapeOf(one, definitions);
    return {
      name: `${place}.${key}`,
      key,
      label: labelOf(key),
      hint: told.description ?? "",
      shape,
      isRequired: required.includes(key),
      fallback: told.default,
      minimum: one.minimum,
      maximum: one.maximum,
      isWhole: one.type === "integer",
      fields: shape === "group" ? fieldsOf(one, `${place}.${key}`, definitions) : [],
    };
  });
}

function resolved(schema: Schema, definitions: Record<string, Schema>): Schema {
  const name = schema.$ref?.split("/").at(-1);
  return name === undefined ? schema : (definitions[name] ?? {});
}

const isNumber = ({ type }: Schema) => type === "integer" || type === "number";

function shapeOf(one: Schema, definitions: Record<string, Schema>): Shape {
  if (isNumber(one)) return "number";
  if (one.type === "boolean") return "choice";
  if (one.type === "array") {
    const item = resolved(one.items ?? {}, definitions);
    return isNumber(item) ? "numbers" : item.type === "string" ? "lines" : "json";
  }
  if (one.type !== "object") return "text";
  if (one.properties) return "group";
  const held = one.additionalProperties;
  if (typeof held !== "object") return "json";
  return isNumber(held) ? "amounts" : held.type === "string" ? "pairs" : "json";
}

/** The text that a field begins with. */
export function textOfSetting({ shape }: SettingField, value: unknown): string {
  if (value === null || value === undefined) return "";
  if (shape === "lines" || shape === "numbers") return (value as unknown[]).join("\n");
  if (shape === "pairs" || shape === "amounts") return pairsText(value as Record<string, string>);
  if (shape === "json") return (value as unknown[]).length === 0 ? "" : JSON.stringify(value, null, 2);
  return String(value);
}

/** The settings that a filled form stands for, all of them: what was left empty is as if nothing was said. */
export function settingsFrom(
  fields: SettingField[],
  text: (name: string) => string,
): Record<string, unknown> {
  return Object.fromEntries(
    fields
      .map((field) => [field.key, settingFrom(field, text)] as const)
      .filter(([, value]) => value !== undefined),
  );
}

function settingFrom(field: SettingField, text: (name: string) => string): unknown {
  if (field.shape === "group") {
    return text(field.name) === "on" ? settingsFrom(field.fields, text) : field.fallback;
  }
  const said = text(field.name).trim();
  if (said === "") return field.fallback;
  switch (field.shape) {
    case "number":
      return numberIn(field, said);
    case "choice":
      return said === "true";
    case "lines":
      return linesFrom(said);
    case "numbers":
      return linesFrom(said).map((line) => numberIn(field, line));
    case "pairs":
      return pairsFrom(said, "line");
    case "amounts":
      return Object.fromEntries(
        Object.entries(pairsFrom(said, "line")).map(([name, amount]) => [name, numberIn(field, amount)]),
      );
    case "json":
      return jsonIn(field, said);
    default:
      return said;
  }
}

function numberIn({ label }: SettingField, text: string): number {
  const value = Number(text);
  if (Number.isNaN(value)) throw new Error(`${label}: “${text}” is no number.`);
  return value;
}

function jsonIn({ label }: SettingField, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${label} is written as JSON, as [{"key": "gpu"}].`);
  }
}

/** The parts of a credential that were filled in; null where none was. */
export function credentialFrom(
  parts: { name: string }[],
  text: (name: string) => string,
): Record<string, string> | null {
  const given = parts
    .map(({ name }) => [name, text(`credential.${name}`)] as const)
    .filter(([, value]) => value.trim() !== "");
  return given.length === 0 ? null : Object.fromEntries(given);
}
