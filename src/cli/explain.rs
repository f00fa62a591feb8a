//! `explain`: what the gateway would decide about a token, step by step.

use std::fmt::Write;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use http::Method;
use serde_json::{Value, json};

use super::args::Explain;
use super::print::{print, print_json};
use crate::app::{Ambient, Before, assemble};
use crate::config::Config;
use crate::gateway::Question;
use crate::gateway::explain::{Explanation, explain as judge, issuer_of, pasted, token_in};
use crate::visible::visible;
use mfa_gateway_core::chain;
use mfa_gateway_core::token::KeySet;

/// The longest token that is read.
const MAX_TOKEN: u64 = 1 << 20;

/// Explains a token. The exit code is 0 if the request would be permitted, else 1.
///
/// # Errors
///
/// If the configuration, the token or the key set can't be read.
pub(super) async fn explain(args: Explain) -> anyhow::Result<ExitCode> {
    if let Some(id) = &args.session {
        return explain_session(&args, id).await;
    }
    let config = Config::load(&args.config)?;
    let Ok(method) = Method::from_bytes(args.method.as_bytes()) else { bail!("--method is not an HTTP method") };
    let text = read_token(&args.token_file)?;
    let path = args.path.split('?').next().unwrap_or_default();
    let question = Question::new(&method, path, pasted(&text)).at(&args.host);
    let assembled = assemble(&config, &Ambient::system(), Before::default())?;
    let mut trouble = None;
    let keys = match (&args.jwks, token_in(&question).and_then(|token| issuer_of(&assembled.live, token))) {
        (Some(path), _) => Some(Arc::new(read_keys(path)?)),
        (None, Some(issuer)) => {
            trouble = issuer.keys().refresh().await.err().map(|error| chain(&error));
            issuer.keys().current()
        }
        (None, None) => None,
    };
    let explanation = judge(&assembled.live, &question, keys.as_deref());
    if args.json {
        print_json(&explanation.document(trouble.as_deref()))?;
    } else {
        print(&to_text(&explanation, &question, trouble.as_deref())?)?;
    }
    Ok(if explanation.permitted { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Has a running gateway explain a session: it alone can read one.
async fn explain_session(args: &Explain, id: &str) -> anyhow::Result<ExitCode> {
    let question = json!({"session": id, "method": args.method, "path": args.path, "host": args.host});
    let response = args.running.post(&args.config, "/explain", &question).await?;
    if response.status != 200 {
        bail!("{}", response.trouble());
    }
    if args.json {
        print_json(&response.document)?;
    } else {
        print(&document_to_text(&response.document, args)?)?;
    }
    Ok(if response.document["decision"] == "permit" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The same text as for a token, of the JSON form.
fn document_to_text(document: &Value, args: &Explain) -> Result<String, std::fmt::Error> {
    let of = |value: &Value| visible(value.as_str().unwrap_or_default()).into_owned();
    let mut text = String::new();
    let path = args.path.split('?').next().unwrap_or_default();
    writeln!(text, "{} {}\n", visible(&args.method), visible(path))?;
    for step in document["steps"].as_array().into_iter().flatten() {
        writeln!(text, "  {:<4}  {:<10}  {}", of(&step["outcome"]), of(&step["step"]), of(&step["detail"]))?;
    }
    let status = document["status"].as_u64().map_or_else(String::new, |status| format!(" with {status}"));
    let decision = if document["decision"] == "permit" { "permitted" } else { "refused" };
    writeln!(text, "\ndecision: {decision}{status} ({})", of(&document["reason"]))?;
    writeln!(text, "{}\n{}", of(&document["description"]), of(&document["remedy"]))?;
    writeln!(text, "\nresult: {}", of(&document["result"]))?;
    Ok(text)
}

fn read_token(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_TOKEN).read_to_string(&mut text)
    } else {
        let file = std::fs::File::open(path).with_context(|| format!("{} could not be opened", path.display()))?;
        file.take(MAX_TOKEN).read_to_string(&mut text)
    };
    read.context("the token could not be read")?;
    Ok(text)
}

fn read_keys(path: &Path) -> anyhow::Result<KeySet> {
    let document = std::fs::read(path).with_context(|| format!("{} could not be read", path.display()))?;
    KeySet::parse(&document, None).with_context(|| format!("{} is not a usable key set", path.display()))
}

fn to_text(
    explanation: &Explanation,
    question: &Question<'_>,
    trouble: Option<&str>,
) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(text, "{} {}\n", question.method, visible(question.path()))?;
    for step in &explanation.steps {
        writeln!(text, "  {:<4}  {:<10}  {}", step.outcome.name(), step.name, visible(&step.detail))?;
    }
    if let Some(trouble) = trouble {
        writeln!(text, "\nThe issuer's keys could not be fetched: {}", visible(trouble))?;
    }
    let status = explanation.status.map_or_else(String::new, |status| format!(" with {status}"));
    let decision = if explanation.permitted { "permitted" } else { "refused" };
    writeln!(text, "\ndecision: {decision}{status} ({})", explanation.reason)?;
    writeln!(text, "{}", visible(&explanation.texts.0))?;
    writeln!(text, "{}", visible(&explanation.texts.1))?;
    writeln!(text, "\nresult: {}", explanation.result())?;
    Ok(text)
}
