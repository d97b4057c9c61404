import type { QueryChange } from "../app/location.ts";
import { ChoiceField, TextField, textOf } from "../parts/fields.tsx";

const NAMES = ["caller", "action", "outcome", "workspace", "target", "since", "until"] as const;

/** The milliseconds of a local date and time as a field holds it, or null. */
export function localMs(text: string): number | null {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

/** What is searched for; all of it stands in the address. */
export function AuditFilters({
  query,
  onSearch,
}: {
  query: URLSearchParams;
  onSearch: (change: QueryChange) => void;
}) {
  const now = (name: string) => query.get(name) ?? "";
  const isAny = NAMES.some((name) => now(name) !== "");
  return (
    <form
      // A search from elsewhere, as from the history, fills the fields anew.
      key={query.toString()}
      className="card filters"
      aria-label="Search the audit log"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        onSearch(Object.fromEntries(NAMES.map((name) => [name, textOf(form, name)])));
      }}
    >
      <TextField label="Who" name="caller" defaultValue={now("caller")} placeholder="a name or id" />
      <TextField
        label="Action"
        name="action"
        defaultValue={now("action")}
        placeholder="keys, grants.set_grant"
      />
      <ChoiceField
        label="Outcome"
        name="outcome"
        defaultValue={now("outcome")}
        options={[
          ["", "any"],
          ["done", "done"],
          ["refused", "refused"],
        ]}
      />
      <TextField label="About" name="target" defaultValue={now("target")} placeholder="a part of it" />
      <TextField label="Workspace" name="workspace" defaultValue={now("workspace")} />
      <TextField label="Since" name="since" type="datetime-local" defaultValue={now("since")} />
      <TextField label="Until" name="until" type="datetime-local" defaultValue={now("until")} />
      <div className="row">
        <button type="submit" className="button primary">
          Search
        </button>
        {isAny && (
          <button
            type="button"
            className="button"
            onClick={() => onSearch(Object.fromEntries(NAMES.map((name) => [name, null])))}
          >
            Clear
          </button>
        )}
      </div>
    </form>
  );
}
