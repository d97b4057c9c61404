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

/** So much of a longer file is shown, where a part of it can be read. */
export const HEAD_BYTES = 1024 * 1024;

/** Whether the beginning of such a file says something without the rest. */
export const isReadInPart = (kind: PreviewKind) => kind === "table" || kind === "text";

/** The beginning of a text without its last line, which may be cut, unless that is all there is. */
export const wholeLines = (text: string) => text.slice(0, text.lastIndexOf("\n") + 1) || text;

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
