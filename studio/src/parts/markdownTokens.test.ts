import { describe, expect, it } from "vitest";
import { followed, plainText } from "./markdownTokens.ts";

describe("a link in a text", () => {
  it("is followed to pages and people, and nowhere else", () => {
    expect(followed("https://example.org/a?b=1")).toBe("https://example.org/a?b=1");
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
