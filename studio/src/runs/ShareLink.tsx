import { mayShare, useCaller } from "../api/caller.ts";
import { shareHash } from "../app/route.ts";
import { Icon } from "../parts/Icon.tsx";

/** The way to who may see this experiment, for whom may change that. */
export function ShareLink({ experimentId }: { experimentId: string }) {
  const caller = useCaller();
  // At one's own machine there is nobody to share with.
  if (caller?.is_local_owner || !mayShare(caller, experimentId)) return null;
  return (
    <a className="button small" href={shareHash(experimentId)}>
      <Icon name="share" /> Share
    </a>
  );
}
