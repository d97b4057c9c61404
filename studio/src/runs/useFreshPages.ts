import { focusManager, type QueryKey, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";
import { isJoined, keptPages, type RunsPage, type RunsPages, stalePage, withFresh } from "./loadedPages.ts";

/** Where so many new pages have nothing in common with those that were there, the others are let go. */
const MOST_AT_ONCE = 3;

interface Options {
  queryKey: QueryKey;
  read: (pageToken: string | null) => Promise<RunsPage>;
  /** Whether there are pages. */
  isLoaded: boolean;
}

/** Keep the pages in sight fresh: others are asked for again when they come into sight. */
export function useFreshPages({ queryKey, read, isLoaded }: Options) {
  const queries = useQueryClient();
  const name = JSON.stringify(queryKey);
  const now = useRef({ queryKey, read, name });
  now.current = { queryKey, read, name };
  const sight = useRef({ first: 0, last: 0 });
  const asOfMs = useRef(Date.now());
  const isBusy = useRef(false);

  /** Ask again for the page that starts at `at`, and for those that take the place of its rows. */
  const refresh = useCallback(
    async (at: number) => {
      const asked = now.current;
      const there = queries.getQueryData<RunsPages>(asked.queryKey)?.pages ?? [];
      const start = at === 0 ? null : (there[at - 1]?.nextToken ?? null);
      const fresh = [await asked.read(start)];
      while (fresh.length < MOST_AT_ONCE && !isJoined(there, at, fresh)) {
        fresh.push(await asked.read(fresh.at(-1)?.nextToken ?? null));
      }
      // A next page that is being loaded would put the old ones back; the table asks for it again.
      await queries.cancelQueries({ queryKey: asked.queryKey, exact: true });
      queries.setQueryData<RunsPages>(asked.queryKey, (kept) => {
        const isSame = kept?.pages.slice(0, at).at(-1)?.nextToken === there.slice(0, at).at(-1)?.nextToken;
        return kept && isSame ? keptPages(withFresh(kept.pages, at, fresh)) : kept;
      });
    },
    [queries],
  );

  const freshen = useCallback(async () => {
    if (isBusy.current) return;
    isBusy.current = true;
    try {
      for (;;) {
        const kept = queries.getQueryState<RunsPages>(now.current.queryKey);
        const { first, last } = sight.current;
        const at = kept?.data ? stalePage(kept.data.pages, first, last, asOfMs.current) : null;
        // What is asked for as a whole is fresh then.
        if (at === null || (kept?.isInvalidated && kept.fetchStatus === "fetching")) return;
        await refresh(at);
      }
    } catch {
      // The head is asked for again in a moment, and says what is wrong.
    } finally {
      isBusy.current = false;
    }
  }, [queries, refresh]);

  const outdate = useCallback(() => {
    asOfMs.current = Date.now();
    void freshen();
  }, [freshen]);

  // Pages that were kept from before, of another question or of another day, are asked for again.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another question is another list
  useEffect(
    () => () => {
      asOfMs.current = Date.now();
    },
    [name],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  useEffect(() => {
    if (isLoaded) void freshen();
  }, [isLoaded, name, freshen]);
  useEffect(() => focusManager.subscribe((isFocused) => isFocused && outdate()), [outdate]);

  const look = useCallback(
    (first: number, last: number) => {
      sight.current = { first, last };
      void freshen();
    },
    [freshen],
  );
  return { outdate, look };
}
