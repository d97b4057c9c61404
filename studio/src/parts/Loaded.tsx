import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Failure, Skeleton } from "./States.tsx";

interface Props<T> {
  query: UseQueryResult<T>;
  label: string;
  lines?: number;
  children: (data: T) => ReactNode;
}

/** What a query answered; grey lines until then, and the reason with another try when it failed. */
export function Loaded<T>({ query, label, lines = 5, children }: Props<T>) {
  if (query.data !== undefined) return children(query.data);
  if (query.isError) return <Failure error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <div className="card-note">
      <Skeleton lines={lines} label={label} />
    </div>
  );
}
