// oauth4webapi, which takes the RFCs at their word: the authorization server
// from its metadata to the end of a token, and one call of a tool in between.

import * as oauth from "oauth4webapi";

import { run, tell, visit } from "./person.mjs";

const plain = { [oauth.allowInsecureRequests]: true };
const redirect_uri = "http://127.0.0.1:41953/callback";

await run(async (address) => {
  const resource = new URL(address);
  const described = await oauth.processResourceDiscoveryResponse(
    resource,
    await oauth.resourceDiscoveryRequest(resource, plain),
  );
  const issuer = new URL(described.authorization_servers[0]);
  const found = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...plain });
  const server = await oauth.processDiscoveryResponse(issuer, found);

  const metadata = {
    client_name: "oauth4webapi",
    redirect_uris: [redirect_uri],
    token_endpoint_auth_method: "none",
  };
  const client = await oauth.processDynamicClientRegistrationResponse(
    await oauth.dynamicClientRegistrationRequest(server, metadata, plain),
  );
  const authentication = oauth.None();

  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const authorize = new URL(server.authorization_endpoint);
  for (const [name, value] of Object.entries({
    client_id: client.client_id,
    redirect_uri,
    response_type: "code",
    scope: described.scopes_supported.join(" "),
    resource: described.resource,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
  })) {
    authorize.searchParams.set(name, value);
  }
  const answer = oauth.validateAuthResponse(server, client, await visit(authorize), state);
  const granted = await oauth.processAuthorizationCodeResponse(
    server,
    client,
    await oauth.authorizationCodeGrantRequest(
      server,
      client,
      authentication,
      answer,
      redirect_uri,
      verifier,
      { additionalParameters: { resource: described.resource }, ...plain },
    ),
  );

  const refreshed = await oauth.processRefreshTokenResponse(
    server,
    client,
    await oauth.refreshTokenGrantRequest(
      server,
      client,
      authentication,
      granted.refresh_token,
      plain,
    ),
  );
  const stored = await tool(issuer, refreshed.access_token, "submit_memory", {
    text: "The ready room's replicator makes Earl Grey tea, hot.",
  });
  const known = await tool(issuer, refreshed.access_token, "query_memory", {
    query: "Which tea does the replicator make?",
  });

  const revoked = await oauth.revocationRequest(
    server,
    client,
    authentication,
    refreshed.refresh_token,
    plain,
  );
  await oauth.processRevocationResponse(revoked);
  let after;
  try {
    await tool(issuer, refreshed.access_token, "query_memory", { query: "tea" });
  } catch (error) {
    if (!(error instanceof oauth.WWWAuthenticateChallengeError)) throw error;
    after = error.cause[0].parameters.error;
  }
  const result = (value) => ({ structuredContent: value });
  tell({ done: { stored: result(stored), found: result(known), after_revocation: after } });
});

/** Calls a tool over REST, as the SDKs do over MCP. */
async function tool(issuer, token, name, data) {
  const response = await oauth.protectedResourceRequest(
    token,
    "POST",
    new URL("/api/tools", issuer),
    new Headers({ "content-type": "application/json" }),
    JSON.stringify({ tool: name, data }),
    plain,
  );
  if (!response.ok) throw new Error(`${name}: ${response.status} ${await response.text()}`);
  return await response.json();
}
