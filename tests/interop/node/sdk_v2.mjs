// The TypeScript SDK, second generation, in the era that it is told: "legacy"
// for the handshake, a revision for that one alone.

import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";

import { Keeper, connect, remember, run, tell } from "./person.mjs";

await run(async (address) => {
  const era = process.argv[3];
  const mode = era === "legacy" || era === "auto" ? era : { pin: era };
  const keeper = new Keeper();
  const transport = () =>
    new StreamableHTTPClientTransport(new URL(address), { authProvider: keeper });
  const client = () =>
    new Client({ name: "interoperability", version: "2" }, { versionNegotiation: { mode } });
  const connected = await connect(client, transport, keeper, UnauthorizedError);
  tell({ version: connected.getNegotiatedProtocolVersion() });
  await remember(connected);
});
