export interface Bar {
  id: string;
  name: string;
  address: string;
  note: string;
  amount: number;
  text: string;
}

/** Amounts beside one another, as long as they are large. */
export function UsageBars({ bars }: { bars: Bar[] }) {
  const largest = Math.max(...bars.map((bar) => bar.amount), 1);
  return (
    <ul className="usage-bars">
      {bars.map((bar) => (
        <li key={bar.id}>
          <span className="row">
            <a className="grow ellipsis" href={bar.address} title={bar.name}>
              {bar.name}
            </a>
            {bar.note && <span className="quiet nowrap">{bar.note}</span>}
            <span className="number nowrap">{bar.text}</span>
          </span>
          <span className="usage-track" aria-hidden="true">
            <span className="usage-bar" style={{ width: `${(100 * bar.amount) / largest}%` }} />
          </span>
        </li>
      ))}
    </ul>
  );
}
