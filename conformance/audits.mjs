// Asks a GraphQL server what the public audits of GraphQL over HTTP ask. The server is at AUDIT_URL and lets AUDIT_TOKEN
// in. One JSON object a line goes out for each audit.
import { serverAudits } from "graphql-http";

const { AUDIT_URL: url, AUDIT_TOKEN: token } = process.env;

const fetchFn = (input, init = {}) => fetch(input, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } });

for (const audit of serverAudits({ url, fetchFn })) {
  const { id, name, status, reason } = await audit.fn();
  console.log(JSON.stringify({ id, name, status, reason }));
}
