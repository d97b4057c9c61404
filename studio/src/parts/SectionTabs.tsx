import { go } from "../app/location.ts";

/** Goes between the lists of a section: a title for each, and the address that it leads to. */
export function SectionTabs<Title extends string>({
  label,
  tabs,
  shown,
}: {
  label: string;
  tabs: readonly (readonly [Title, () => string])[];
  shown: Title;
}) {
  return (
    <fieldset className="segments" aria-label={label}>
      {tabs.map(([title, hashOf]) => (
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
