// What every script here shares: how it asks the person who runs it to visit an
// address, and how it tells what it found. Lines of JSON: ours on standard
// output, the person's on standard input.

import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Tells something to the person. */
export function tell(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Asks the person to visit an address; returns where they were sent back to. */
export async function visit(address) {
  tell({ visit: String(address) });
  const { value } = await lines.next();
  return new URL(JSON.parse(value).back);
}

/** Runs a script to its end; standard input would keep it alive. */
export async function run(script) {
  try {
    await script(process.argv[2]);
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}

/** A client of the SDKs that keeps all it learns in memory. */
export class Keeper {
  redirectUrl = "http://127.0.0.1:41952/callback";
  clientMetadata = {
    client_name: "Interoperability",
    redirect_uris: [this.redirectUrl],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  };

  clientInformation() {
    return this.client;
  }
  saveClientInformation(client) {
    this.client = client;
  }
  tokens() {
    return this.kept;
  }
  saveTokens(tokens) {
    this.kept = tokens;
  }
  codeVerifier() {
    return this.verifier;
  }
  saveCodeVerifier(verifier) {
    this.verifier = verifier;
  }
  state() {
    this.sent ??= crypto.randomUUID();
    return this.sent;
  }
  redirectToAuthorization(address) {
    this.asked = address;
  }
}

/** Connects a client of the SDKs: 401, registration, consent, tokens. */
export async function connect(client, transport, keeper, unauthorized) {
  const first = transport();
  try {
    await client().connect(first);
    throw new Error("the server let a stranger in");
  } catch (error) {
    if (!(error instanceof unauthorized)) throw error;
  }
  const back = await visit(keeper.asked);
  if (back.searchParams.get("state") !== keeper.sent) throw new Error("another state came back");
  await first.finishAuth(back.searchParams);
  const connected = client();
  await connected.connect(transport());
  return connected;
}

/** Stores a memory, finds it by a question, and tells what came. */
export async function remember(client) {
  const tools = (await client.listTools()).tools.map((tool) => tool.name);
  const stored = await client.callTool({
    name: "submit_memory",
    arguments: { text: "The ready room's replicator makes Earl Grey tea, hot." },
  });
  const found = await client.callTool({
    name: "query_memory",
    arguments: { query: "Which tea does the replicator make?" },
  });
  tell({ done: { tools, stored, found } });
}
