// Lets other implementations of SCIM answer questions: one JSON object a line comes in, one goes out.
import { createInterface } from "node:readline";
import { filter, parse } from "scim2-parse-filter";
import { scimPatch } from "scim-patch";
import SCIMMY from "scimmy";

const schemas = [SCIMMY.Schemas.User, SCIMMY.Schemas.EnterpriseUser, SCIMMY.Schemas.Group];
SCIMMY.Schemas.User.extend(SCIMMY.Schemas.EnterpriseUser.definition, false);

const answers = {
  // Which resources does a filter select?
  filter: ({ text, resources }) => ({ selected: resources.map(filter(parse(text))) }),
  // What do operations make of a resource?
  patch: ({ resource, operations }) => ({ resource: scimPatch(resource, operations) }),
  // Which schemas are there?
  schemas: () => ({ schemas: schemas.map((s) => s.definition.describe()) }),
  // Is a resource one of its schema? What the schema does not know is left out of what comes back.
  read: ({ kind, resource }) => ({ resource: new SCIMMY.Schemas[kind](resource, "out") }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  let answer;
  try {
    answer = answers[question.ask](question);
  } catch (e) {
    answer = { error: String(e.message ?? e) };
  }
  console.log(JSON.stringify(answer));
}
