const SHAPES = {
  eye: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8Z M8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z",
  eyeOff:
    "M2 2l12 12 M6.2 3.8A6 6 0 0 1 8 3.5C12 3.5 14.5 8 14.5 8a11 11 0 0 1-1.9 2.4 M9.9 11.9A6 6 0 0 1 8 12.5C4 12.5 1.5 8 1.5 8a11 11 0 0 1 2.7-3.1",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Z M10.8 10.8 14 14",
  plus: "M8 3v10 M3 8h10",
  close: "M3.5 3.5l9 9 M12.5 3.5l-9 9",
  copy: "M5.5 5.5h8v8h-8z M10.5 5.5v-3h-8v8h3",
  check: "M3 8.5l3.2 3.2L13 4.8",
  down: "M4 6l4 4 4-4",
  up: "M4 10l4-4 4 4",
  right: "M6 4l4 4-4 4",
  pause: "M5.5 3.5v9 M10.5 3.5v9",
  play: "M5 3.5v9l7.5-4.5z",
  sun: "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6Z M8 1.5v1.3 M8 13.2v1.3 M1.5 8h1.3 M13.2 8h1.3 M3.4 3.4l.9.9 M11.7 11.7l.9.9 M12.6 3.4l-.9.9 M4.3 11.7l-.9.9",
  moon: "M13.5 9.5A5.8 5.8 0 0 1 6.5 2.5a5.8 5.8 0 1 0 7 7Z",
  expand: "M9.5 2.5h4v4 M6.5 13.5h-4v-4 M13.5 2.5l-4.5 4.5 M2.5 13.5 7 9",
  download: "M8 2.5v7.5 M4.8 7.2 8 10.4l3.2-3.2 M2.5 13.5h11",
  columns: "M2.5 2.5h11v11h-11z M6.2 2.5v11 M9.8 2.5v11",
  pin: "M6 2h4 M7 2v4.5L4.5 9.5h7L9 6.5V2 M8 9.5V14",
  folder: "M1.8 12.8v-9h4l1.5 1.8h7v7.2z",
  file: "M3.5 1.8h6l3 3v9.4h-9z M9.3 1.8v3.2h3.2",
  trash: "M2.5 4.2h11 M6 4V2.5h4V4 M4 4.2l.7 9.3h6.6l.7-9.3",
  restore: "M3 8a5 5 0 1 0 1.6-3.7 M2.8 2.5v2.8h2.8",
  pencil: "M2.5 13.5l.8-3.2 7.6-7.6 2.4 2.4-7.6 7.6z",
  compare: "M2.5 2.5h4.5v11H2.5z M9 2.5h4.5v11H9z",
  more: "M3.2 8h.01 M8 8h.01 M12.8 8h.01",
  refresh: "M13 8a5 5 0 1 1-1.6-3.7 M13.2 2.5v2.8h-2.8",
  user: "M8 8a2.8 2.8 0 1 0 0-5.6A2.8 2.8 0 0 0 8 8Z M2.8 13.8c.5-2.6 2.5-4 5.2-4s4.7 1.4 5.2 4",
  key: "M10.5 8.5a3.2 3.2 0 1 0-3.1-2.5L2.5 11v2.5H5l.8-1.5 1.5-.3.3-1.6 1-1 M11 5h.01",
  ban: "M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11Z M4.2 4.2l7.6 7.6",
  share:
    "M11.5 6a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z M4.5 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z M11.5 14a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z M6.3 7.1l3.5-2 M6.3 9l3.5 2",
  settings:
    "M2.5 4.5h7 M12 4.5h1.5 M2.5 11.5h1.5 M6.5 11.5h7 M10.8 6.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4Z M5.2 13.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4Z",
} as const;

export type IconName = keyof typeof SHAPES;

/** A line icon. It is never the only name of a control: the control carries an aria-label or text. */
export function Icon({ name, size = 15 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={name === "more" ? 2.4 : 1.5}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={SHAPES[name]} />
    </svg>
  );
}
