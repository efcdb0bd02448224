// The TypeScript SDK, first generation: revision 2025-11-25.

import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

import { Keeper, connect, remember, run, tell } from "./person.mjs";

await run(async (address) => {
  const keeper = new Keeper();
  const transport = () => {
    const made = new StreamableHTTPClientTransport(new URL(address), { authProvider: keeper });
    // This generation takes the code alone.
    const finish = made.finishAuth.bind(made);
    made.finishAuth = (parameters) => finish(parameters.get("code"));
    return made;
  };
  const client = () => new Client({ name: "interoperability", version: "1" });
  const connected = await connect(client, transport, keeper, UnauthorizedError);
  tell({ version: connected.transport.protocolVersion });
  await remember(connected);
});
