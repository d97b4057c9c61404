interface Props<T> {
  label: string;
  choices: readonly (readonly [value: T, title: string])[];
  chosen: T;
  onChoose: (value: T) => void;
}

/** A row of buttons of which one is pressed. */
export function Segments<T extends string | boolean>({ label, choices, chosen, onChoose }: Props<T>) {
  return (
    <fieldset className="segments" aria-label={label}>
      {choices.map(([value, title]) => (
        <button
          key={String(value)}
          type="button"
          className="button"
          aria-pressed={value === chosen}
          onClick={() => onChoose(value)}
        >
          {title}
        </button>
      ))}
    </fieldset>
  );
}
