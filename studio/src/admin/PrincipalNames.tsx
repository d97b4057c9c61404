import { useQuery } from "@tanstack/react-query";
import { listPrincipals } from "../api/identity.ts";

/** The names that a field offers while somebody types; none to whom the server does not tell them. */
export function PrincipalNames({ id, isWithGroups = true }: { id: string; isWithGroups?: boolean }) {
  const { data = [] } = useQuery({
    queryKey: ["principals", "all"],
    queryFn: ({ signal }) => listPrincipals(null, signal),
    retry: false,
  });
  const offered = data.filter((one) => !one.is_disabled && (isWithGroups || one.kind !== "group"));
  return (
    <datalist id={id}>
      {offered.map((one) => (
        <option key={one.principal_id} value={one.name}>
          {one.kind}
        </option>
      ))}
    </datalist>
  );
}
