import { describe, expect, it } from "vitest";
import { fieldFor, refusedField } from "./refusedField.ts";

describe("the field that a refusal is about", () => {
  it("is read from the server's sentences", () => {
    const invalid =
      "Invalid value 0 for parameter 'settings.port' supplied:  Hint: Value was of type 'int'. " +
      "Expected `int` >= 1. See the API docs for more information about request parameters.";
    expect(refusedField(invalid)).toEqual({ name: "settings.port", why: "Expected `int` >= 1." });
    expect(refusedField("Invalid value \"a b\" for parameter 'name' supplied: Letters and\ndigits.")).toEqual(
      {
        name: "name",
        why: "Letters and\ndigits.",
      },
    );
    expect(refusedField("Missing value for required parameter 'settings.host'. See")?.name).toBe(
      "settings.host",
    );
    expect(refusedField("'slots' must be from 1 to 1000, not 0.")).toEqual({
      name: "slots",
      why: "'slots' must be from 1 to 1000, not 0.",
    });
  });

  it("says what a text must look like", () => {
    const message =
      "Invalid value \"a b\" for parameter 'settings.host' supplied:  Hint: Value was of type 'str'. " +
      "Expected `str` matching regex '^[^\\\\s]+$'.";
    expect(refusedField(message)?.why).toBe("It must fit the pattern ^[^\\s]+$");
  });

  it("is none where the sentence is about something else", () => {
    expect(refusedField("Workspace 'default' has a compute target 'vm'.")).toBeNull();
    expect(refusedField("'local' is the server's own machine, in each workspace.")).toEqual({
      name: "local",
      why: "'local' is the server's own machine, in each workspace.",
    });
    expect(refusedField("")).toBeNull();
  });

  it("is the one of the form that stands for it, or for what it is a part of", () => {
    const fields = new Set(["name", "settings.tolerations", "settings.ssh.host"]);
    expect(fieldFor("settings.ssh.host", fields)).toBe("settings.ssh.host");
    expect(fieldFor("settings.tolerations[0].key", fields)).toBe("settings.tolerations");
    expect(fieldFor("settings.host", fields)).toBeNull();
    expect(fieldFor("local", fields)).toBeNull();
    expect(fieldFor("", fields)).toBeNull();
  });
});
