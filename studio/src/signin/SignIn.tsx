import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { begin } from "../api/session.ts";
import { getProvider, providerAddress, signInWithKey } from "../api/signin.ts";
import { Refused } from "../api/transport.ts";
import { useDocumentTitle } from "../app/title.ts";
import { failureText } from "../parts/States.tsx";

/** Asks who this is: by the provider of identities, where there is one, or by an API key. */
export function SignIn() {
  useDocumentTitle("Sign in");
  const { data: provider } = useQuery({
    queryKey: ["provider"],
    queryFn: ({ signal }) => getProvider(signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <div className="state">
      <div className="card sign-in">
        <h1>Sign in to Runyard</h1>
        {provider && (
          <>
            <a className="button primary" href={providerAddress(provider)}>
              Sign in with {provider.name}
            </a>
            <div className="or">or with an API key</div>
          </>
        )}
        <KeyForm isOnlyWay={!provider} />
      </div>
    </div>
  );
}

function KeyForm({ isOnlyWay }: { isOnlyWay: boolean }) {
  const queries = useQueryClient();
  const [failure, setFailure] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const key = String(new FormData(event.currentTarget).get("key")).trim();
    setIsBusy(true);
    setFailure(null);
    try {
      await signInWithKey(key);
      // What is left from who was here before is not theirs to see.
      queries.clear();
      begin();
    } catch (error) {
      const isWrongKey = error instanceof Refused && error.status === 401;
      setFailure(isWrongKey ? "The server does not know this key." : failureText(error).detail);
      setIsBusy(false);
    }
  }

  return (
    <form className="stack" onSubmit={submit}>
      <label className="labelled">
        API key
        <input
          className="field mono"
          name="key"
          type="password"
          required
          autoComplete="off"
          spellCheck={false}
          placeholder="ry_…"
          aria-invalid={failure !== null}
        />
      </label>
      {failure && (
        <p className="note bad" role="alert">
          {failure}
        </p>
      )}
      <button type="submit" className={`button ${isOnlyWay ? "primary" : ""}`} disabled={isBusy}>
        Sign in
      </button>
      <p className="quiet">
        The key is exchanged for a session of this browser, and not kept. No key yet? An administrator makes
        one; the first comes from <code>runyard admin init</code>.
      </p>
    </form>
  );
}
