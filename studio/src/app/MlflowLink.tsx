import { useQuery } from "@tanstack/react-query";
import { prefix } from "../api/address.ts";
import { getServer } from "../api/runyard.ts";
import { usePlace } from "./location.ts";
import { mlflowAddressOf } from "./mlflow.ts";

/** The way to MLflow's own pages, where the server has them. */
export function MlflowLink() {
  usePlace();
  const { data } = useQuery({
    queryKey: ["server"],
    queryFn: ({ signal }) => getServer(signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (!data?.has_mlflow_pages) return null;
  return (
    <a
      className="button bare wide-only"
      href={mlflowAddressOf(prefix(), window.location.hash)}
      title="The same in MLflow's own pages"
    >
      MLflow
    </a>
  );
}
