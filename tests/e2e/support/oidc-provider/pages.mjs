// The pages that a person sees at the provider: plain forms, no script.

const escaped = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

const page = (title, body) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title>
<main><h1>${escaped(title)}</h1>${body}</main></html>`;

const form = (action, ...buttons) => `<form method="post" action="${escaped(action)}">${buttons.join(" ")}</form>`;

const button = (name, value, text) => `<button name="${name}" value="${escaped(value)}">${escaped(text)}</button>`;

export const chooser = (action, people, hint) => page("Sign in", form(
  action,
  ...Object.entries(people)
    .sort(([a], [b]) => (b === hint) - (a === hint))
    .map(([id, person]) => button("person", id, person.name)),
  button("cancel", "yes", "Cancel"),
));

export const registration = (action) => page("More information required", form(action, button("registered", "yes", "Register")));

export const verification = (action, name) => page(`Approve the sign-in of ${name}`, form(
  action,
  button("mfa", "yes", "Approve"),
  button("mfa", "no", "Go on without MFA"),
  button("another", "yes", "Use another account"),
  button("cancel", "yes", "Cancel"),
));

export const federated = (action, name) => page("Wingtip's own provider", form(action, button("mfa", "yes", `Approve as ${name}`)));

export const signOut = (formHtml) => page("Sign out of the provider", `${formHtml}
<button form="op.logoutForm" name="logout" value="yes">Sign out here too</button>`);

export const signedOut = () => page("Signed out of the provider", "<p>You can close this page.</p>");

export const error = (out) => page("The provider has a problem", `<p>${escaped(out.error)}: ${escaped(out.error_description ?? "")}</p>`);
