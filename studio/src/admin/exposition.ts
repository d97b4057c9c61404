/** The few figures that the health screen takes out of what `/metrics` says. Pure. */

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Read Prometheus's text format. */
export function samplesOf(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("#")) continue;
    const found = LINE.exec(line);
    if (!found) continue;
    const [, name = "", labels = "", value = ""] = found;
    samples.push({
      name,
      labels: Object.fromEntries([...labels.matchAll(LABEL)].map(([, key, text]) => [key, text])),
      value: value === "+Inf" ? Number.POSITIVE_INFINITY : Number(value),
    });
  }
  return samples;
}

export interface Fares {
  startedMs: number | null;
  requests: number;
  faults: number;
  inFlight: number;
  meanMs: number | null;
  databaseBytes: number | null;
  memoryBytes: number | null;
  openFiles: number | null;
  waiting: number;
  unfolded: number;
}

export function faresOf(samples: Sample[]): Fares {
  const sum = (name: string, isWanted: (sample: Sample) => boolean = () => true) =>
    samples
      .filter((sample) => sample.name === name && isWanted(sample))
      .reduce((total, { value }) => total + value, 0);
  const single = (name: string) => samples.find((sample) => sample.name === name)?.value ?? null;
  const counted = sum("runyard_request_seconds_count");
  const startedS = single("process_start_time_seconds");
  return {
    startedMs: startedS === null ? null : startedS * 1000,
    requests: sum("runyard_requests_total"),
    faults: sum("runyard_requests_total", ({ labels }) => (labels.status ?? "").startsWith("5")),
    inFlight: sum("runyard_requests_in_flight"),
    meanMs: counted > 0 ? (1000 * sum("runyard_request_seconds_sum")) / counted : null,
    databaseBytes: single("runyard_database_bytes"),
    memoryBytes: single("process_resident_memory_bytes"),
    openFiles: single("process_open_fds"),
    waiting: sum("runyard_commit_waiting"),
    unfolded: sum("runyard_upkeep_batches"),
  };
}
