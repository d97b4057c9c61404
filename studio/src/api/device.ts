/** Logins of machines that have no browser: a person allows them here. */
import { serverRoot } from "./address.ts";
import { getJson, sendJson } from "./transport.ts";

export interface DeviceRequest {
  user_code: string;
  client: string;
  machine: string;
  created_ms: number;
  expires_ms: number;
}

const one = (code: string) => `api/v1/device/requests/${encodeURIComponent(code)}`;

export const getDeviceRequest = (code: string, signal?: AbortSignal) =>
  getJson<DeviceRequest>(one(code), signal, serverRoot());

export const answerDevice = (code: string, answer: "approve" | "deny") =>
  sendJson("POST", `${one(code)}/${answer}`, {}, undefined, serverRoot());
