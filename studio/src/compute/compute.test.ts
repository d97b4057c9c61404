import { describe, expect, it } from "vitest";
import type { Schema } from "../api/compute.ts";
import { credentialFrom, fieldsOf, labelOf, settingsFrom, textOfSetting } from "./settingFields.ts";
import { changedReach, databricksInPython, databricksInShell, kindName, settingsOf } from "./words.ts";

const reading = (values: Record<string, string>) => (name: string) => values[name] ?? "";

/** As the server writes it, with one field of each sort. */
const SCHEMA: Schema = {
  $ref: "#/$defs/Told",
  $defs: {
    Told: {
      type: "object",
      required: ["host"],
      properties: {
        host: { type: "string", description: "Its name." },
        python: { type: "string", default: "python3" },
        port: { type: "integer", minimum: 1, maximum: 65535, default: 22 },
        cpu: { anyOf: [{ type: "string" }, { type: "number" }], default: "1" },
        tunnel: { anyOf: [{ type: "boolean" }, { type: "null" }], default: null },
        claim: { anyOf: [{ type: "string" }, { type: "null" }], default: null },
        known_hosts: { type: "array", items: { type: "string" }, default: [] },
        gpus: { type: "array", items: { type: "integer" }, default: [] },
        selector: { type: "object", additionalProperties: { type: "string" }, default: {} },
        resources: { type: "object", additionalProperties: { type: "number" }, default: {} },
        tolerations: { type: "array", items: { $ref: "#/$defs/Toleration" }, default: [] },
        ssh: { anyOf: [{ $ref: "#/$defs/Address" }, { type: "null" }], default: null },
      },
    },
    Toleration: { type: "object", properties: { key: { type: "string", default: "" } } },
    Address: {
      type: "object",
      required: ["host"],
      properties: { host: { type: "string" }, port: { type: "integer", default: 22 } },
    },
  },
};
const FIELDS = fieldsOf(SCHEMA);
const DEFAULTS = {
  python: "python3",
  port: 22,
  cpu: "1",
  tunnel: null,
  claim: null,
  known_hosts: [],
  gpus: [],
  selector: {},
  resources: {},
  tolerations: [],
  ssh: null,
};

describe("fields of settings", () => {
  it("are what the schema says, in its order", () => {
    expect(FIELDS.map(({ key, shape }) => `${key}: ${shape}`)).toEqual([
      "host: text",
      "python: text",
      "port: number",
      "cpu: text",
      "tunnel: choice",
      "claim: text",
      "known_hosts: lines",
      "gpus: numbers",
      "selector: pairs",
      "resources: amounts",
      "tolerations: json",
      "ssh: group",
    ]);
    const [host, , port] = FIELDS;
    expect(host).toMatchObject({ name: "settings.host", isRequired: true, hint: "Its name." });
    expect(port).toMatchObject({ minimum: 1, maximum: 65535, isWhole: true, fallback: 22 });
    expect(FIELDS.at(-1)?.fields.map(({ name }) => name)).toEqual(["settings.ssh.host", "settings.ssh.port"]);
  });

  it("are called as people write", () => {
    expect(labelOf("cpus_per_slot")).toBe("CPUs per slot");
    expect(labelOf("server_url")).toBe("Server URL");
  });

  it("stand for the defaults where they are left empty", () => {
    expect(settingsFrom(FIELDS, reading({ "settings.host": " vm " }))).toEqual({ host: "vm", ...DEFAULTS });
  });

  it("stand for what is written in them", () => {
    const written = reading({
      "settings.host": "vm",
      "settings.port": "2222",
      "settings.cpu": "500m",
      "settings.tunnel": "false",
      "settings.claim": "cache",
      "settings.known_hosts": "vm ssh-ed25519 AA\n\n vm2 ssh-rsa BB",
      "settings.gpus": "0\n3",
      "settings.selector": "zone=a=b",
      "settings.resources": "tpu=0.5",
      "settings.tolerations": '[{"key": "gpu"}]',
      "settings.ssh": "on",
      "settings.ssh.host": "login",
    });
    expect(settingsFrom(FIELDS, written)).toEqual({
      ...DEFAULTS,
      host: "vm",
      port: 2222,
      cpu: "500m",
      tunnel: false,
      claim: "cache",
      known_hosts: ["vm ssh-ed25519 AA", "vm2 ssh-rsa BB"],
      gpus: [0, 3],
      selector: { zone: "a=b" },
      resources: { tpu: 0.5 },
      tolerations: [{ key: "gpu" }],
      ssh: { host: "login", port: 22 },
    });
  });

  it("begin with what is kept, and stand for the same again", () => {
    const kept = {
      ...DEFAULTS,
      host: "vm",
      tunnel: true,
      known_hosts: ["a b", "c d"],
      gpus: [1, 2],
      selector: { zone: "a=b" },
      resources: { tpu: 2 },
      tolerations: [{ key: "gpu" }],
    };
    const texts = Object.fromEntries(
      FIELDS.filter(({ shape }) => shape !== "group").map((field) => [
        field.name,
        textOfSetting(field, kept[field.key as keyof typeof kept]),
      ]),
    );
    expect(settingsFrom(FIELDS, reading(texts))).toEqual(kept);
  });

  it("say which of them can't be read", () => {
    const of = (name: string, text: string) => () =>
      settingsFrom(FIELDS, reading({ "settings.host": "vm", [`settings.${name}`]: text }));
    expect(of("gpus", "0\nall")).toThrow("GPUs: “all” is no number.");
    expect(of("resources", "tpu=many")).toThrow("Resources: “many” is no number.");
    expect(of("tolerations", "gpu")).toThrow("Tolerations is written as JSON");
    expect(of("selector", "zone")).toThrow("key=value");
  });
});

describe("changing a target", () => {
  const said = { settings: { ...DEFAULTS, host: "vm" }, skip_validation: false };

  it("sends what is different, and nothing of how it is reached where nothing is", () => {
    expect(changedReach({ settings: { host: "vm" } }, said, FIELDS)).toEqual({});
    expect(changedReach({ settings: { host: "old", port: 2222 } }, said, FIELDS)).toEqual({
      settings: { host: "vm", port: 22 },
      skip_validation: false,
    });
  });

  it("sends a credential by itself", () => {
    const credential = credentialFrom(
      [{ name: "password" }, { name: "private_key" }],
      reading({ "credential.password": " ", "credential.private_key": "-----\nKEY\n" }),
    );
    expect(credential).toEqual({ private_key: "-----\nKEY\n" });
    const sent = changedReach({ settings: { host: "vm" } }, { ...said, credential: { a: "b" } }, FIELDS);
    expect(sent).toEqual({ credential: { a: "b" }, skip_validation: false });
    expect(credentialFrom([{ name: "password" }], reading({}))).toBeNull();
  });
});

describe("words", () => {
  it("call a kind as the server does, and by its name where that says nothing", () => {
    expect(kindName("ssh", [{ name: "ssh", title: "SSH host" }])).toBe("SSH host");
    expect(kindName("abacus", [])).toBe("abacus");
  });

  it("say of settings what was said, by the names of the form", () => {
    const settings = {
      host: "a.example",
      cpus_per_slot: 0,
      use_containers: false,
      known_hosts: ["a ssh-rsa x"],
      host_key_fingerprint: "",
      sbatch_options: [],
      node_selector: {},
      ssh: null,
    };
    expect(settingsOf({ settings })).toEqual([
      ["Host", "a.example"],
      ["CPUs per slot", "0"],
      ["Use containers", "No"],
      ["Known hosts", '["a ssh-rsa x"]'],
    ]);
    expect(settingsOf({})).toEqual([]);
  });

  it("link Databricks with the server on screen", () => {
    const address = { server: "https://r.example", workspace: "team's" };
    expect(databricksInShell(address)).toContain("--public-url https://r.example");
    expect(databricksInPython(address)).toContain('Workspace.get("team\'s", url="https://r.example")');
  });
});
