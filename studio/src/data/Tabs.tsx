import { go } from "../app/location.ts";
import { assetsHash, datastoresHash, environmentsHash } from "../app/route.ts";

const TABS = [
  ["Datastores", datastoresHash],
  ["Datasets", assetsHash],
  ["Environments", environmentsHash],
] as const;

/** Goes between the lists of the section. */
export function Tabs({ shown }: { shown: (typeof TABS)[number][0] }) {
  return (
    <div className="row wrap">
      <fieldset className="segments" aria-label="Kind">
        {TABS.map(([title, hashOf]) => (
          <button
            key={title}
            type="button"
            className="button"
            aria-pressed={title === shown}
            onClick={() => go(hashOf())}
          >
            {title}
          </button>
        ))}
      </fieldset>
    </div>
  );
}
