import { computeHash, jobsHash, sweepsHash } from "../app/route.ts";
import { SectionTabs } from "../parts/SectionTabs.tsx";

const TABS = [
  ["Jobs", () => jobsHash()],
  ["Sweeps", () => sweepsHash()],
  ["Compute", computeHash],
] as const;

/** Goes between what runs and where it runs. */
export function Tabs({ shown }: { shown: (typeof TABS)[number][0] }) {
  return <SectionTabs label="Part" tabs={TABS} shown={shown} />;
}
