/** How a file can be looked at, by its name. Pure. */

export type PreviewKind = "image" | "table" | "json" | "text" | "none";

const IMAGE_TYPES: Record<string, string> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  bmp: "image/bmp",
  ico: "image/x-icon",
  avif: "image/avif",
  // In an <img> a browser runs no script of an SVG and loads nothing for it.
  svg: "image/svg+xml",
};

const SEPARATORS: Record<string, string> = { csv: ",", tsv: "\t" };
const JSON_ENDINGS = new Set(["json", "ipynb", "geojson"]);
const OPAQUE_ENDINGS = new Set([
  "pkl",
  "pickle",
  "joblib",
  "npy",
  "npz",
  "pt",
  "pth",
  "ckpt",
  "bin",
  "safetensors",
  "onnx",
  "h5",
  "hdf5",
  "keras",
  "parquet",
  "feather",
  "arrow",
  "zip",
  "gz",
  "bz2",
  "xz",
  "tar",
  "tgz",
  "whl",
  "7z",
  "pdf",
  "mp3",
  "mp4",
  "wav",
  "ogg",
  "webm",
  "mov",
  "db",
  "sqlite",
  "so",
  "dll",
  "exe",
  "cbm",
  "ubj",
  "model",
]);

export const LARGEST_PREVIEW_BYTES = 8 * 1024 * 1024;

export const endingOf = (path: string) => /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";

export function previewKind(path: string): PreviewKind {
  const ending = endingOf(path);
  if (ending in IMAGE_TYPES) return "image";
  if (ending in SEPARATORS) return "table";
  if (JSON_ENDINGS.has(ending)) return "json";
  // HTML and Markdown too: they are shown as the text that they are.
  return OPAQUE_ENDINGS.has(ending) ? "none" : "text";
}

export const imageType = (path: string) => IMAGE_TYPES[endingOf(path)] ?? "application/octet-stream";
export const separatorOf = (path: string) => SEPARATORS[endingOf(path)] ?? ",";

/** Bytes that are no text: such a file is offered for download only. */
export const isBinary = (text: string) => text.includes("\u0000");
