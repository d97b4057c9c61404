import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { checkData, getMetricsText, getReadiness, rotateSigningKey } from "../api/operation.ts";
import { getServer } from "../api/runyard.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { bytes, duration, plural } from "../parts/format.ts";
import { Icon } from "../parts/Icon.tsx";
import { Loaded } from "../parts/Loaded.tsx";
import { failureText } from "../parts/States.tsx";
import { EventsCard } from "./EventsCard.tsx";
import { type Fares, faresOf, samplesOf } from "./exposition.ts";
import { Figures } from "./Figures.tsx";

const LOOK_MS = 10_000;

/** Whether the server can work, how it fares, and what happened. */
export function HealthSection() {
  const readiness = useQuery({
    queryKey: ["readiness"],
    queryFn: ({ signal }) => getReadiness(signal),
    refetchInterval: LOOK_MS,
  });
  const metrics = useQuery({
    queryKey: ["metrics"],
    queryFn: async ({ signal }) => faresOf(samplesOf(await getMetricsText(signal))),
    refetchInterval: LOOK_MS,
  });
  const server = useQuery({ queryKey: ["server"], queryFn: ({ signal }) => getServer(signal) });
  return (
    <>
      <Loaded query={readiness} label="Loading how the server is" lines={1}>
        {({ is_ready, problems }) =>
          is_ready ? (
            <p className="note good" role="status">
              <Icon name="check" /> The server can work: its database answers and its disk has room.
            </p>
          ) : (
            <div className="note bad" role="alert">
              <ul>
                {problems.map((problem) => (
                  <li key={problem}>{problem}</li>
                ))}
              </ul>
            </div>
          )
        }
      </Loaded>
      <Loaded query={metrics} label="Loading figures" lines={4}>
        {(fares) => <Fare fares={fares} version={server.data?.version ?? "–"} mode={server.data?.mode} />}
      </Loaded>
      <div className="pair">
        <DataCard />
        <SigningKeyCard />
      </div>
      <EventsCard />
    </>
  );
}

function Fare({ fares, version, mode }: { fares: Fares; version: string; mode: string | undefined }) {
  const size = (value: number | null) => (value === null ? "–" : bytes(value));
  return (
    <Figures
      title="Figures of this server's process"
      figures={[
        { name: "Version", value: version, more: mode === "serve" ? "for a team" : "at this machine" },
        {
          name: "Up for",
          value: fares.startedMs === null ? "–" : duration(Date.now() - fares.startedMs),
        },
        {
          name: "Requests since then",
          value: fares.requests.toLocaleString("en"),
          more: `${plural(fares.faults, "fault")} of the server's own, ${fares.inFlight} under way`,
        },
        {
          name: "Answers take",
          value: fares.meanMs === null ? "–" : duration(fares.meanMs),
          more: "on average",
        },
        {
          name: "Database",
          value: size(fares.databaseBytes),
          more: `${plural(fares.waiting, "change")} waiting, ${plural(fares.unfolded, "batch", "batches")} not folded yet`,
        },
        {
          name: "Memory",
          value: size(fares.memoryBytes),
          more: fares.openFiles === null ? undefined : plural(fares.openFiles, "open file"),
        },
      ].map(({ more, ...figure }) => (more === undefined ? figure : { ...figure, more }))}
    />
  );
}

function DataCard() {
  const check = useMutation({ mutationFn: checkData });
  return (
    <section className="card" aria-label="Data">
      <header>
        <h2 className="grow">Data</h2>
        <button type="button" className="button" disabled={check.isPending} onClick={() => check.mutate()}>
          Check all data
        </button>
      </header>
      <div className="card-note stack" role="status">
        {check.isPending ? (
          <p className="quiet">Reading everything…</p>
        ) : check.error ? (
          <p className="note bad">{failureText(check.error).detail}</p>
        ) : check.data?.is_whole ? (
          <p className="note good">
            <Icon name="check" /> All data is whole.
          </p>
        ) : check.data ? (
          <ul className="stack">
            {check.data.faults.map((fault) => (
              <li key={`${fault.where} ${fault.what}`} className="note bad wrap">
                <span className="wrap-anywhere">
                  <strong>{fault.where}</strong>: {fault.what} {fault.advice}
                </span>
              </li>
            ))}
          </ul>
        ) : (
          <p className="quiet">Reads the whole database, and says what is not as it should be.</p>
        )}
      </div>
    </section>
  );
}

function SigningKeyCard() {
  const [isAsked, setIsAsked] = useState(false);
  const [keyId, setKeyId] = useState<string | null>(null);
  return (
    <section className="card" aria-label="Signing key">
      <header>
        <h2 className="grow">Signing key</h2>
        <button type="button" className="button" onClick={() => setIsAsked(true)}>
          Rotate
        </button>
      </header>
      <p className="card-note quiet" role="status">
        {keyId === null ? (
          "Signs the tokens of an hour that machines get for their API keys."
        ) : (
          <>
            The key <code>{keyId}</code> signs from now on.
          </>
        )}
      </p>
      {isAsked && (
        <Dialog
          title="Rotate the signing key?"
          action="Rotate"
          onClose={() => setIsAsked(false)}
          onConfirm={async () => setKeyId((await rotateSigningKey()).key_id)}
        >
          <p>Another key signs from now on. Tokens that the others signed are good until they expire.</p>
        </Dialog>
      )}
    </section>
  );
}
