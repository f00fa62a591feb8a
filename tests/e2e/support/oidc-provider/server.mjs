// An OpenID-certified provider on loopback: `node server.mjs '{"port": …, "client": {…}, "people": {…}}'`.
//
// `people` maps an id to {name, mfa: "always" | "federated" | "on request", claims}. It prints one line when it listens.

import http from "node:http";
import { Provider, interactionPolicy } from "oidc-provider";
import * as pages from "./pages.mjs";

const settings = JSON.parse(process.argv[2]);
const issuer = `http://127.0.0.1:${settings.port}`;
const counts = {};
const registered = new Set();
const MFA = "urn:mfa";

// ---- who has to do what --------------------------------------------------------------------------------------------

const wants = (params) => `${params.acr_values ?? ""} ${params.claims ?? ""}`.includes(MFA);

const policy = interactionPolicy.base();
policy.get("login").checks.add(new interactionPolicy.Check("mfa_wanted", "MFA is asked for", ({ oidc }) => {
  const { Check } = interactionPolicy;
  // What was just done is the result, with MFA or without: it is the client that judges it.
  if (oidc.result?.login || !wants(oidc.params) || oidc.session.acr === MFA) return Check.NO_NEED_TO_PROMPT;
  return Check.REQUEST_PROMPT;
}));

const provider = new Provider(issuer, {
  clients: [settings.client],
  acrValues: [MFA, "urn:pwd"],
  claims: { openid: ["sub", "acr", "amr", "auth_time", "sid"], profile: ["name", "preferred_username", "groups", "wids"] },
  conformIdTokenClaims: false,
  scopes: ["openid", "profile", "offline_access"],
  cookies: { keys: ["only for tests"] },
  features: {
    devInteractions: { enabled: false },
    claimsParameter: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => { ctx.body = pages.signOut(form); },
      postLogoutSuccessSource: (ctx) => { ctx.body = pages.signedOut(); },
    },
  },
  // Its own dispatcher refuses loopback, where the tests' gateways are.
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed("refresh_token"),
  rotateRefreshToken: true,
  interactions: { policy, url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_ctx, id) => settings.people[id] && {
    accountId: id,
    claims: () => ({ sub: id, name: settings.people[id].name, ...settings.people[id].claims }),
  },
  // No page asks for consent.
  loadExistingGrant: async ({ oidc }) => {
    const id = oidc.session.grantIdFor(oidc.client.clientId);
    if (id) return oidc.provider.Grant.find(id);
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope("openid profile offline_access");
    await grant.save();
    return grant;
  },
  renderError: (ctx, out) => { ctx.type = "html"; ctx.body = pages.error(out); },
  ttl: { Interaction: 600, Session: 3600, Grant: 3600, IdToken: 600, AccessToken: 600, AuthorizationCode: 60 },
});

for (const event of ["authorization.success", "grant.success", "grant.error", "backchannel.success", "backchannel.error",
  "end_session.success", "pushed_authorization_request.success", "server_error"]) {
  provider.on(event, (...heard) => {
    counts[event] = (counts[event] ?? 0) + 1;
    if (event.endsWith("error")) console.error(event, ...heard.filter((part) => part instanceof Error));
  });
}

// ---- the pages -----------------------------------------------------------------------------------------------------

const read = async (request) => {
  let body = "";
  for await (const part of request) body += part;
  return Object.fromEntries(new URLSearchParams(body));
};

// The steps between pages are kept per interaction.
const steps = new Map();

const next = (interaction, step) => {
  const { params, session } = interaction;
  const action = `/interaction/${interaction.uid}`;
  const id = step.person;
  if (!id) return pages.chooser(action, settings.people, params.login_hint ?? session?.accountId);
  const person = settings.people[id];
  if (step.mfa === undefined && person.mfa === "federated") return pages.federated(action, person.name);
  if (step.mfa === undefined && (person.mfa === "always" || wants(params))) {
    return registered.has(id) || person.mfa === "always" ? pages.verification(action, person.name) : pages.registration(action);
  }
  return undefined;
};

const interact = async (request, response) => {
  const interaction = await provider.interactionDetails(request, response);
  const step = steps.get(interaction.uid) ?? {};
  // `prompt=login`, `max_age` and another account start with the chooser; a step-up goes on with who is signed in.
  const reasons = interaction.prompt.reasons ?? [];
  if (!step.started && reasons.length === 1 && reasons[0] === "mfa_wanted") step.person = interaction.session?.accountId;
  step.started = true;
  if (request.method === "POST") {
    const pressed = await read(request);
    if (pressed.cancel) {
      return provider.interactionFinished(request, response, { error: "access_denied", error_description: "<b>no</b>" });
    }
    if (pressed.another) step.person = undefined;
    if (pressed.person in settings.people) step.person = pressed.person;
    if (pressed.registered) registered.add(step.person);
    if (pressed.mfa) step.mfa = pressed.mfa === "yes";
  }
  steps.set(interaction.uid, step);
  const html = next(interaction, step);
  if (html) {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
    return response.end(html);
  }
  const done = step.mfa ? { acr: MFA, amr: ["pwd", "mfa"] } : { acr: "urn:pwd", amr: ["pwd"] };
  return provider.interactionFinished(request, response, { login: { accountId: step.person, ...done } });
};

const failed = (response) => (error) => {
  console.error(error);
  response.writeHead(500).end();
};

const answer = provider.callback();
http.createServer((request, response) => {
  const path = request.url.split("?")[0];
  counts[path] = (counts[path] ?? 0) + 1;
  if (path === "/counts") return response.end(JSON.stringify(counts));
  if (path.startsWith("/interaction/")) return interact(request, response).catch(failed(response));
  return answer(request, response);
}).listen(settings.port, "127.0.0.1", () => console.log(`listening at ${issuer}`));
