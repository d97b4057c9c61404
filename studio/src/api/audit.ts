/** The audit log. */
import { getJson, withQuery } from "./transport.ts";

export interface AuditEntry {
  number: number;
  at_ms: number;
  action: string;
  outcome: "done" | "refused";
  caller: string;
  principal_id: string;
  key_id: string;
  client: string;
  workspace: string;
  target: string;
  request_id: string;
  count: number;
}

export interface AuditQuestion {
  caller: string;
  action: string;
  outcome: string;
  workspace: string;
  target: string;
  since_ms: number | null;
  until_ms: number | null;
}

interface AuditPage {
  entries: AuditEntry[];
  next_page_token: string | null;
}

export interface Chain {
  is_whole: boolean;
  entries: number;
  first_broken: number | null;
  last_hash: string;
  lost_guards: string[];
}

export const searchAudit = (question: AuditQuestion, pageToken: string | null, signal?: AbortSignal) =>
  getJson<AuditPage>(
    withQuery("api/v1/audit", { ...question, max_results: 100, page_token: pageToken }),
    signal,
  );

export const verifyAudit = () => getJson<Chain>("api/v1/audit/verify");
