import { useEffect } from "react";
import { prefix } from "../api/address.ts";
import { useCaller } from "../api/caller.ts";

/** Where MLflow's own pages show what a hash names: the Studio's hashes of experiments and runs are MLflow's. */
export function mlflowAddressOf(prefix: string, hash: string): string {
  return `${prefix}mlflow/${/^#\/experiments\/[^/]/.test(hash) ? hash : ""}`;
}

/** Whether MLflow's page has sent the browser here to be signed in. */
export const isOnTheWay = (search: string) => new URLSearchParams(search).get("to") === "mlflow";

/** Go back to MLflow's page once it is known who this is. */
export function useWayBackToMlflow(): void {
  const caller = useCaller();
  useEffect(() => {
    if (caller === null || !isOnTheWay(window.location.search)) return;
    window.location.replace(`${prefix()}mlflow/${window.location.hash}`);
  }, [caller]);
}
