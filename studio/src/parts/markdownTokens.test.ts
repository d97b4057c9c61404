import { describe, expect, it } from "vitest";
import { followed, plainText, tokensOf } from "./markdownTokens.ts";

describe("a link in a text", () => {
  it("is followed to pages and people, and nowhere else", () => {
    expect(followed("https://example.org/a?b=1")).toBe("https://example.org/a?b=1");
    expect(followed("https://example.org/a?b=1&amp;c=2")).toBe("https://example.org/a?b=1&c=2");
    expect(followed("mailto:ada@example.org")).toBe("mailto:ada@example.org");
    for (const href of [
      "javascript:alert(1)",
      "JaVaScRiPt:alert(1)",
      "data:text/html,x",
      "#/admin",
      "//x",
      "",
    ]) {
      expect(followed(href)).toBeNull();
    }
  });
});

describe("entities", () => {
  it("are what they stand for, once", () => {
    expect(plainText("a &lt;b&gt; &amp;lt; &#39;")).toBe("a <b> &lt; '");
  });
});

describe("what somebody wrote to make a page stand still", () => {
  it("is read in a moment, and shown as it was written", () => {
    for (const text of [">".repeat(20_000), "- ".repeat(20_000), "_a*".repeat(20_000)]) {
      const began = performance.now();
      expect(JSON.stringify(tokensOf(text)).length).toBeLessThan(100 * text.length);
      expect(performance.now() - began).toBeLessThan(3000);
    }
  });

  it("does not keep the rest of a text from being Markdown", () => {
    const types = tokensOf(`${"_a*".repeat(300)}\n**b**\n\n- c`).map((token) =>
      "tokens" in token ? token.tokens?.map(({ type }) => type) : token.type,
    );
    expect(types).toEqual([["text", "br", "strong"], "space", "list"]);
  });
});
