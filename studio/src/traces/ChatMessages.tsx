import { LongText } from "./LongText.tsx";
import type { Message } from "./messages.ts";
import { shownValue } from "./words.ts";

/** A conversation, one message below the other. */
export function ChatMessages({ messages }: { messages: Message[] }) {
  return (
    <ol className="messages">
      {messages.map((message, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: messages of a span never change place
        <li key={place} className={`message ${message.role}`}>
          <h4>{message.role}</h4>
          {message.text && <LongText text={message.text} label={`Message ${place + 1}`} />}
          {message.toolCalls.map((call, number) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: calls of a message never change place
            <div key={number} className="tool-call">
              <strong className="mono">{call.name}</strong>
              <LongText text={shownValue(call.input)} label={`Call of ${call.name}`} isCode />
            </div>
          ))}
        </li>
      ))}
    </ol>
  );
}
