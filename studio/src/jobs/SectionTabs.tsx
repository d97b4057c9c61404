import { go } from "../app/location.ts";
import { computeHash, jobsHash } from "../app/route.ts";

const TABS = [
  ["Jobs", () => jobsHash()],
  ["Compute", computeHash],
] as const;

/** Goes between what runs and where it runs. */
export function SectionTabs({ shown }: { shown: (typeof TABS)[number][0] }) {
  return (
    <fieldset className="segments" aria-label="Part">
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
  );
}
