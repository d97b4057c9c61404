/** Names that point to a version. */
export function Aliases({ names }: { names: string[] }) {
  if (names.length === 0) return <span className="quiet">–</span>;
  return (
    <span className="row wrap">
      {names.map((name) => (
        <span key={name} className="pill wrap-anywhere">
          @{name}
        </span>
      ))}
    </span>
  );
}
