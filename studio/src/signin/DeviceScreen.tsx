import { useMutation, useQuery } from "@tanstack/react-query";
import { useCaller } from "../api/caller.ts";
import { answerDevice, getDeviceRequest } from "../api/device.ts";
import { useUrlQuery } from "../app/location.ts";
import { useDocumentTitle } from "../app/title.ts";
import { Facts } from "../parts/Facts.tsx";
import { TextField, textOf } from "../parts/fields.tsx";
import { Failure, failureText, Skeleton } from "../parts/States.tsx";
import { Time } from "../parts/Time.tsx";

/** A machine without a browser asks to be logged in: whether that is so. */
export function DeviceScreen() {
  useDocumentTitle("Log a machine in");
  const [query, change] = useUrlQuery();
  const code = (query.get("code") ?? "").toUpperCase();
  return (
    <div className="state">
      <div className="card sign-in">
        <h1>Log a machine in</h1>
        {code ? (
          <Answer key={code} code={code} onOther={() => change({ code: null }, { push: true })} />
        ) : (
          <form
            className="stack"
            onSubmit={(event) => {
              event.preventDefault();
              change({ code: textOf(new FormData(event.currentTarget), "code") }, { push: true });
            }}
          >
            <TextField
              label="Code"
              name="code"
              required
              spellCheck={false}
              autoCapitalize="characters"
              placeholder="XXXX-XXXX"
              hint="The machine shows it where you typed the command to log in."
            />
            <button type="submit" className="button primary">
              Go on
            </button>
          </form>
        )}
      </div>
    </div>
  );
}

function Answer({ code, onOther }: { code: string; onOther: () => void }) {
  const caller = useCaller();
  const request = useQuery({
    queryKey: ["device", code],
    queryFn: ({ signal }) => getDeviceRequest(code, signal),
    retry: false,
  });
  const answer = useMutation({ mutationFn: (said: "approve" | "deny") => answerDevice(code, said) });
  const other = (
    <button type="button" className="button bare" onClick={onOther}>
      Type another code
    </button>
  );
  if (answer.isSuccess) {
    return (
      <>
        <p className="note" role="status">
          {answer.variables === "approve"
            ? "It is logged in. You can close this page and go back to the machine."
            : "It was denied. Nothing was given to that machine."}
        </p>
        {other}
      </>
    );
  }
  if (request.isPending) return <Skeleton lines={4} label="Loading the request" />;
  if (request.isError) {
    return (
      <>
        <Failure error={request.error} onRetry={() => void request.refetch()} />
        {other}
      </>
    );
  }
  const asked = request.data;
  return (
    <>
      <p>
        A machine asks to act as <strong className="wrap-anywhere">{caller?.name ?? "you"}</strong>. Allow it
        only if you have just asked for this there, and it shows the same code.
      </p>
      <Facts
        facts={[
          ["Code", <code key="code">{code}</code>],
          ["Machine", asked.machine],
          ["Address", asked.client],
          ["Asked", <Time key="asked" ms={asked.created_ms} isRelative />],
          ["Waits until", <Time key="until" ms={asked.expires_ms} />],
        ]}
      />
      {answer.error && (
        <p className="note bad wrap-anywhere" role="alert">
          {failureText(answer.error).detail}
        </p>
      )}
      <div className="row">
        <button
          type="button"
          className="button primary"
          disabled={answer.isPending}
          onClick={() => answer.mutate("approve")}
        >
          Approve
        </button>
        <button
          type="button"
          className="button danger"
          disabled={answer.isPending}
          onClick={() => answer.mutate("deny")}
        >
          Deny
        </button>
        <span className="grow" />
        {other}
      </div>
    </>
  );
}
