/** The data that comes to a job, as people write it: places of datastores, and datasets. Pure. */
import type { DataAsset } from "../api/assets.ts";
import type { DataPlace, Job } from "../api/jobs.ts";
import { linesFrom, pairsFrom } from "../parts/pairLines.ts";
import { partedPlace } from "./words.ts";

type Inputs = Job["inputs"];

/** Datasets by the words for them: `@people:3`, or `@people` for the latest. */
export type NamedAssets = ReadonlyMap<string, DataAsset>;
export const NO_ASSETS: NamedAssets = new Map();

export const assetWord = ({ name, version }: Pick<DataAsset, "name" | "version">) => `@${name}:${version}`;

/** The name and the version in such a word; null for another word. */
export function assetOf(word: string): [name: string, version: string | null] | null {
  const found = /^@(.+?)(?::(\d+))?$/.exec(word);
  return found ? [found[1] ?? "", found[2] ?? null] : null;
}

/** The words of all datasets in the lines of inputs. */
export const assetWords = (text: string): string[] => [
  ...new Set(Object.values(pairsFrom(text, "input")).filter((word) => assetOf(word) !== null)),
];

function placeOf({ kind, address, datastore }: DataAsset["sources"][number]): DataPlace | null {
  const path = address.replace(/\/\*\*$/, "").replace(/^\/+|\/+$/g, "");
  if (kind === "datastore" && !/[*?[]/.test(path)) return { datastore, path };
  return kind === "upload" && path ? { datastore: "", path } : null;
}

/** A dataset as an input: its files are brought where that can be, and else the job is told its id. */
export function inputOfAsset({ kind, sources, asset_id: assetId }: DataAsset): Inputs[string] {
  const places = sources.map(placeOf).filter((place) => place !== null);
  const isBrought = kind === "file" && places.length === sources.length;
  return { places: isBrought ? places : [], asset_id: assetId };
}

/** Inputs as lines; of one that is told in no line, what is in `before` stays. */
export function inputsFrom(text: string, before: Inputs = {}, assets = NO_ASSETS): Inputs {
  const kept = Object.entries(before).filter(([, input]) => inputText(input, assets) === null);
  const said = Object.entries(pairsFrom(text, "input")).map(([name, word]): [string, Inputs[string]] => {
    const old = before[name];
    if (old && inputText(old, assets) === word) return [name, old];
    const asset = assets.get(word);
    return [name, asset ? inputOfAsset(asset) : { places: [partedPlace(name, word)], asset_id: "" }];
  });
  return Object.fromEntries([...kept, ...said]);
}

/** An input as such a line has it; null for one of several places, or of a dataset that is not known. */
function inputText({ places, asset_id: assetId }: Inputs[string], assets: NamedAssets): string | null {
  if (assetId) {
    const found = [...assets.values()].find((asset) => asset.asset_id === assetId);
    return found ? assetWord(found) : null;
  }
  const [place] = places;
  if (!place?.datastore || places.length > 1) return null;
  return `${place.datastore}:${place.path}`;
}

export const inputsText = (inputs: Inputs, assets = NO_ASSETS) =>
  Object.entries(inputs)
    .map(([name, input]) => [name, inputText(input, assets)])
    .filter(([, text]) => text !== null)
    .map(([name, text]) => `${name}=${text}`)
    .join("\n");

/** The names of inputs that no line tells of. */
export const inputsElsewhere = (inputs: Inputs, assets = NO_ASSETS) =>
  Object.entries(inputs)
    .filter(([, input]) => inputText(input, assets) === null)
    .map(([name]) => name);

/** The lines with one more, of a dataset under a name that no other line has. */
export function withAsset(text: string, asset: Pick<DataAsset, "name" | "version">): string {
  const lines = linesFrom(text);
  const plain = asset.name.replace(/\W+/g, "_").replace(/^(?=\d)/, "_");
  const isTaken = (name: string) => lines.some((line) => line.split("=", 1)[0]?.trim() === name);
  let name = plain;
  for (let number = 2; isTaken(name); number++) name = `${plain}_${number}`;
  return [...lines, `${name}=${assetWord(asset)}`].join("\n");
}
