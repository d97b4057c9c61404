// A real provider of OpenID Connect on loopback; who there is, and the clients, come from a file that tests write.
import { readFileSync } from "node:fs";
import { Provider } from "oidc-provider";

const [port, file] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const told = () => JSON.parse(readFileSync(file, "utf8"));

const provider = new Provider(issuer, {
  clients: told().clients,
  claims: {
    openid: ["sub"],
    email: ["email", "email_verified"],
    profile: ["preferred_username", "name"],
    groups: ["groups"],
  },
  // Some providers put all they know into the ID token, others tell it on request only.
  conformIdTokenClaims: told().conforms === true,
  cookies: { keys: ["only of tests"] },
  features: { backchannelLogout: { enabled: true } },
  // By its own dispatcher it calls no server on loopback, where all servers of the tests are, and what a slow
  // machine has not answered within 2.5 s it gives up: then nobody here learns of a logout.
  fetch: (url, { dispatcher, signal, ...options }) =>
    globalThis.fetch(url, { ...options, signal: AbortSignal.timeout(60_000) }),
  pkce: { required: () => true },
  async findAccount(_context, id) {
    const person = told().people[id];
    return person && { accountId: person.sub ?? id, claims: async () => ({ sub: person.sub ?? id, ...person }) };
  },
});

provider.on("backchannel.error", (_context, error) => console.log("nobody was told of a logout:", error));

const server = provider.listen(Number(port), "127.0.0.1", () => console.log(`ready at ${issuer}`));
// Node closes what was idle for five seconds, and a slow machine may just then ask for something more.
server.keepAliveTimeout = 600_000;
