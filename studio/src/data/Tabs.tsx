import { assetsHash, datastoresHash, environmentsHash } from "../app/route.ts";
import { SectionTabs } from "../parts/SectionTabs.tsx";

const TABS = [
  ["Datastores", datastoresHash],
  ["Datasets", assetsHash],
  ["Environments", environmentsHash],
] as const;

/** Goes between the lists of the section. */
export function Tabs({ shown }: { shown: (typeof TABS)[number][0] }) {
  return (
    <div className="row wrap">
      <SectionTabs label="Kind" tabs={TABS} shown={shown} />
    </div>
  );
}
