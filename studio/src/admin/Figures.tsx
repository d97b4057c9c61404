export interface Figure {
  name: string;
  value: string;
  more?: string;
}

/** A few figures, large. */
export function Figures({ title, figures }: { title: string; figures: Figure[] }) {
  return (
    <section aria-label={title}>
      <dl className="figures">
        {figures.map(({ name, value, more }) => (
          <div key={name} className="card">
            <dt className="quiet">{name}</dt>
            <dd>
              <span className="figure number">{value}</span>
              {more && <span className="quiet">{more}</span>}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
