// An OpenID provider for the end-to-end tests of roster scim. It is told what to do by lines on standard input:
//
//	rotate         signs with a new key from now on, and still publishes the old one
//	drop           publishes the newest key alone
//	revoke         takes back every consent
//	ttl {a} {r}    seconds that access and refresh tokens live from now on
//
// Each line is answered by one on standard output. The first line of that is the issuer.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Provider } from "oidc-provider";

console.info = console.error; // standard output is for our answers

const ttl = { access: 3600, refresh: 3600 };
const records = new Map();

// Adapter keeps what all providers of this process know: one comes after another when keys rotate.
class Adapter {
  constructor(name) {
    this.name = name;
  }
  key(id) {
    return `${this.name}:${id}`;
  }
  live(record) {
    return record && (!record.until || record.until > Date.now()) ? record.payload : undefined;
  }
  async upsert(id, payload, seconds) {
    records.set(this.key(id), { payload, until: seconds && Date.now() + seconds * 1000 });
  }
  async find(id) {
    return this.live(records.get(this.key(id)));
  }
  async search(field, value) {
    for (const [key, record] of records) {
      if (key.startsWith(`${this.name}:`) && record.payload[field] === value) return this.live(record);
    }
  }
  async findByUid(uid) {
    return this.search("uid", uid);
  }
  async findByUserCode(code) {
    return this.search("userCode", code);
  }
  async consume(id) {
    records.get(this.key(id)).payload.consumed = Math.floor(Date.now() / 1000);
  }
  async destroy(id) {
    records.delete(this.key(id));
  }
  async revokeByGrantId(grantId) {
    for (const [key, record] of records) {
      if (record.payload.grantId === grantId) records.delete(key);
    }
  }
}

let keys = [];
function newKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  keys = [{ ...privateKey.export({ format: "jwk" }), kid: `key-${Date.now()}`, use: "sig", alg: "RS256" }, ...keys];
}

function newProvider(issuer) {
  const provider = new Provider(issuer, {
    adapter: Adapter,
    clients: [
      {
        client_id: "roster-cli",
        application_type: "native",
        token_endpoint_auth_method: "none",
        redirect_uris: ["http://127.0.0.1/callback"],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
      },
      {
        client_id: "roster-service",
        client_secret: "service-secret",
        redirect_uris: [],
        grant_types: ["client_credentials"],
        response_types: [],
      },
    ],
    cookies: { keys: ["not a secret"] },
    jwks: { keys },
    claims: { openid: ["sub"], profile: ["name"] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    rotateRefreshToken: true,
    ttl: { AccessToken: () => ttl.access, ClientCredentials: () => ttl.access, RefreshToken: () => ttl.refresh },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({
          audience: resource,
          scope: `${resource}/write ${resource}/read`,
          accessTokenFormat: "jwt",
          accessTokenTTL: ttl.access,
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
  });
  provider.on("server_error", (_, err) => console.error(err));
  return provider.callback();
}

newKey();
let current;
const server = createServer((request, response) => current(request, response));
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  current = newProvider(issuer);
  console.log(issuer);
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const [command, ...numbers] = line.split(" ");
    switch (command) {
      case "rotate":
        newKey();
        current = newProvider(issuer);
        break;
      case "drop":
        keys = keys.slice(0, 1);
        current = newProvider(issuer);
        break;
      case "revoke":
        for (const key of records.keys()) {
          if (/^(Grant|RefreshToken):/.test(key)) records.delete(key);
        }
        break;
      case "ttl":
        [ttl.access, ttl.refresh] = numbers.map(Number);
        break;
    }
    console.log("done");
  });
  lines.on("close", () => process.exit(0)); // the test has ended
});
