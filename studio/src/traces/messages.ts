/** Chat messages in what a span was given or gave, in the forms of the common libraries. Pure. */
import { parsed } from "../api/traceWire.ts";

export interface ToolCall {
  name: string;
  input: unknown;
}

export interface Message {
  role: string;
  text: string;
  toolCalls: ToolCall[];
}

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** LangChain has kinds of messages where the others have roles. */
const ROLES: Record<string, string> = { human: "user", ai: "assistant" };

/** Return the messages, or null where a value is anything else. */
export function messagesIn(value: unknown): Message[] | null {
  const raw = listIn(value);
  if (raw === null || raw.length === 0) return null;
  const messages = raw.map(messageOf);
  return messages.every((one) => one !== null) ? (messages as Message[]) : null;
}

/** Where the list of messages is, if there is one. */
function listIn(value: unknown): unknown[] | null {
  if (Array.isArray(value)) return value.length === 1 && Array.isArray(value[0]) ? value[0] : value;
  if (!isObject(value)) return null;
  for (const key of ["messages", "input", "output"]) {
    if (Array.isArray(value[key])) return listIn(value[key]);
  }
  if (Array.isArray(value.choices)) return value.choices.map((one) => (isObject(one) ? one.message : one));
  return "role" in value || "content" in value ? [value] : null;
}

function messageOf(value: unknown): Message | null {
  if (!isObject(value)) return null;
  if (value.type === "function_call") return { role: "assistant", text: "", toolCalls: [callOf(value)] };
  if (value.type === "function_call_output") {
    return { role: "tool", text: textIn(value.output) ?? "", toolCalls: [] };
  }
  const role = value.role ?? (typeof value.type === "string" ? (ROLES[value.type] ?? value.type) : undefined);
  if (typeof role !== "string") return null;
  const toolCalls = [...callsIn(value.tool_calls), ...callsIn(value.content)];
  const text = textIn(value.content);
  if (text === null && toolCalls.length === 0) return null;
  return { role, text: text ?? "", toolCalls };
}

/** The text of a content, or of its parts; what is no text is named. */
function textIn(content: unknown): string | null {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return null;
  return content
    .filter((part) => !isCall(part))
    .map((part) => {
      if (typeof part === "string") return part;
      if (!isObject(part)) return String(part);
      if (typeof part.text === "string") return part.text;
      const inner = textIn(part.content);
      return inner ?? `[${String(part.type ?? "part")}]`;
    })
    .join("\n");
}

const isCall = (part: unknown) => isObject(part) && part.type === "tool_use";

function callsIn(value: unknown): ToolCall[] {
  if (!Array.isArray(value)) return [];
  return value.filter((one) => isObject(one) && (one.function || one.args || isCall(one))).map(callOf);
}

function callOf(call: Json): ToolCall {
  const called = isObject(call.function) ? call.function : call;
  return {
    name: String(called.name ?? ""),
    input: parsed(called.arguments ?? called.args ?? called.input),
  };
}
