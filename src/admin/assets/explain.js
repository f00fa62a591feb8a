// The page that explains a token. Whatever comes from a token is put in as text, never as markup, and nothing is stored.
"use strict";

const field = (id) => document.getElementById(id);
const question = field("question");
const submit = question.querySelector("button[type=submit]");

// Counts questions, so that a late answer to an earlier one is not shown.
let asked = 0;

async function ask(path, options = {}) {
  const response = await fetch(path, {
    ...options,
    headers: { ...options.headers, Authorization: `Bearer ${field("operator").value.trim()}` },
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    referrerPolicy: "no-referrer",
  });
  const body = await response.json();
  if (!response.ok) {
    throw new Error([body.detail, body.remedy].filter(Boolean).join(" ") || `The gateway returned ${response.status}.`);
  }
  return body;
}

function tell(trouble) {
  field("trouble").textContent = trouble;
  field("trouble").hidden = !trouble;
}

function show(id, text) {
  field(id).textContent = text || "";
  field(id).hidden = !text;
}

function part(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}

function stepOf({ step, outcome, detail }) {
  const item = document.createElement("li");
  item.className = outcome;
  item.append(part("outcome", outcome), part("name", step), part("detail", detail));
  return item;
}

function render(explanation) {
  const passes = explanation.result === "pass";
  const status = explanation.status === null ? "" : ` with ${explanation.status}`;
  const verdict = passes ? "Permitted" : `Refused${status}`;
  field("answer").className = explanation.result;
  show("verdict", `${verdict} (${explanation.reason})`);
  show("description", explanation.description);
  show("remedy", explanation.remedy);
  show("keys", explanation.keysError && `The issuer's keys could not be fetched: ${explanation.keysError}`);
  field("steps").replaceChildren(...explanation.steps.map(stepOf));
  field("answer").hidden = false;
}

async function explain(event) {
  event.preventDefault();
  const number = ++asked;
  tell("");
  field("answer").hidden = true;
  submit.disabled = true;
  try {
    const explanation = await ask("explain", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        token: field("token").value,
        session: field("session").value.trim(),
        method: field("method").value,
        path: field("path").value.trim(),
      }),
    });
    if (number === asked) {
      render(explanation);
      field("answer").focus();
    }
  } catch (error) {
    if (number === asked) {
      tell(`The request failed: ${error.message}`);
    }
  } finally {
    submit.disabled = false;
  }
}

function optionOf(route) {
  const option = document.createElement("option");
  option.value = route.path;
  option.dataset.method = route.methods?.[0] ?? "";
  const methods = route.methods ? ` ${route.methods.join(", ")}` : "";
  option.textContent = `${route.path}${route.match === "prefix" ? " …" : ""}${methods} – ${route.require}`;
  return option;
}

async function loadRoutes() {
  tell("");
  if (!field("operator").value.trim()) {
    return;
  }
  try {
    const { routes } = await ask("routes");
    const select = field("route");
    select.replaceChildren(select.options[0], ...routes.map(optionOf));
  } catch (error) {
    tell(`The routes could not be loaded: ${error.message}`);
  }
}

function chooseRoute() {
  const option = field("route").selectedOptions[0];
  if (option.value) {
    field("path").value = option.value;
    field("method").value = option.dataset.method || "GET";
  }
}

// Also when the page is left, so that nothing of it is found later by going back.
function clear() {
  asked += 1;
  question.reset();
  field("answer").hidden = true;
  field("steps").replaceChildren();
  field("route").replaceChildren(field("route").options[0]);
  tell("");
}

question.addEventListener("submit", explain);
field("operator").addEventListener("change", loadRoutes);
field("route").addEventListener("change", chooseRoute);
field("clear").addEventListener("click", clear);
window.addEventListener("pagehide", clear);
