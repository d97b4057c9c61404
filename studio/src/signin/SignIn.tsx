import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { exchangeKey } from "../api/runyard.ts";
import { begin } from "../api/session.ts";
import { Refused } from "../api/transport.ts";
import { failureText } from "../parts/States.tsx";

/** Asks for an API key and exchanges it for a token of at most an hour. The key is never kept. */
export function SignIn() {
  const queries = useQueryClient();
  const [failure, setFailure] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const key = String(new FormData(event.currentTarget).get("key")).trim();
    setIsBusy(true);
    setFailure(null);
    try {
      begin(await exchangeKey(key));
      await queries.invalidateQueries();
    } catch (error) {
      const isWrongKey = error instanceof Refused && error.status === 401;
      setFailure(isWrongKey ? "The server does not know this key." : failureText(error).detail);
      setIsBusy(false);
    }
  }

  return (
    <div className="state">
      <form className="card sign-in" onSubmit={submit}>
        <h1>Sign in to Runyard</h1>
        <p className="quiet">
          Paste your API key. It is exchanged for a token that lasts an hour at most and stays in this tab.
        </p>
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
        <button type="submit" className="button primary" disabled={isBusy}>
          Sign in
        </button>
        <p className="quiet">
          No key yet? An administrator makes one; the first comes from <code>runyard admin init</code>.
        </p>
      </form>
    </div>
  );
}
