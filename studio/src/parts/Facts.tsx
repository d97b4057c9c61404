import type { ReactNode } from "react";

/** Names and values, one pair a line. */
export function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd className="wrap-anywhere">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A card of facts; those without a value are left out. */
export function FactsCard({ title = "Details", facts }: { title?: string; facts: [string, ReactNode][] }) {
  return (
    <section className="card" aria-label={title}>
      <header>
        <h2>{title}</h2>
      </header>
      <Facts facts={facts.filter(([, value]) => value === 0 || Boolean(value))} />
    </section>
  );
}
