/** The datasets that a form names, and those of the job that it began with. */
import { useQuery } from "@tanstack/react-query";
import { getAsset, getAssetById } from "../api/assets.ts";
import type { Job } from "../api/jobs.ts";
import { Refused } from "../api/transport.ts";
import { assetOf, assetWord, assetWords, type NamedAssets, NO_ASSETS } from "./inputs.ts";

/** The datasets that lines of inputs name; one that is not there is refused. */
export async function assetsIn(text: string): Promise<NamedAssets> {
  const found = assetWords(text).map(async (word) => {
    const [name = "", version = null] = assetOf(word) ?? [];
    return [word, await getAsset(name, version)] as const;
  });
  return new Map(await Promise.all(found));
}

/** The datasets among the inputs of a job, but for those that are gone. */
export function useAssetsOf(inputs: Job["inputs"]): NamedAssets {
  const ids = [...new Set(Object.values(inputs).map(({ asset_id: id }) => id))].filter(Boolean);
  const { data } = useQuery({
    queryKey: ["data-assets-of", ids],
    queryFn: async ({ signal }) => {
      const found = await Promise.all(ids.map((id) => getAssetById(id, signal).catch(noneIfGone)));
      return new Map(found.filter((asset) => asset !== null).map((asset) => [assetWord(asset), asset]));
    },
    enabled: ids.length > 0,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return data ?? NO_ASSETS;
}

function noneIfGone(error: unknown): null {
  if (error instanceof Refused && error.status === 404) return null;
  throw error;
}
