// Walks delta queries with Microsoft's client: an address a line comes in, {rows, deltaLink} goes out. The page iterator
// follows the next links and tells rows from links; the client retries what was throttled.
import { createInterface } from "node:readline";
import { Client, PageIterator } from "@microsoft/microsoft-graph-client";

const client = Client.init({
  baseUrl: process.env.GRAPH_ORIGIN + "/",
  customHosts: new Set([new URL(process.env.GRAPH_ORIGIN).hostname]),
  authProvider: (done) => done(null, process.env.GRAPH_TOKEN),
});

for await (const address of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const rows = [];
    const iterator = new PageIterator(client, await client.api(address).get(), (row) => rows.push(row) > 0);
    await iterator.iterate();
    answer = { rows, deltaLink: iterator.getDeltaLink() };
  } catch (e) {
    answer = { error: `${e.statusCode} ${e.code} ${e.message}` };
  }
  console.log(JSON.stringify(answer));
}
