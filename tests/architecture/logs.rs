//! What the log writes is for people and programs that don't know Rust.

use std::fs;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{ItemMod, Macro};

use super::root;
use super::sizes::sources;
use super::source::for_tests;

const MACROS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "debug_span"];

#[test]
fn no_log_line_shows_a_value_in_its_debug_form() {
    let mut problems = Vec::new();
    for file in sources() {
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        problems.extend(debug_forms(&fs::read_to_string(&file).unwrap()).iter().map(|what| format!("{name}: {what}")));
    }
    assert!(problems.is_empty(), "write `%value`, a number or a text:\n{}", problems.join("\n"));
}

#[test]
fn a_debug_form_is_found() {
    let found = |event: &str| debug_forms(&format!("fn f() {{ tracing::{event}; }}")).len();
    assert_eq!(found(r#"info!(?state, "changed")"#), 1);
    assert_eq!(found(r#"warn!(%error, state = ?self.state, "changed")"#), 1);
    assert_eq!(found(r#"info!(%state, count = all()?, name, "changed")"#), 0);
    assert_eq!(debug_forms("#[cfg(test)] mod tests { fn f() { tracing::info!(?state); } }").len(), 0);
}

fn debug_forms(source: &str) -> Vec<String> {
    let mut events = Events(Vec::new());
    events.visit_file(&syn::parse_file(source).unwrap());
    events.0
}

struct Events(Vec<String>);

impl<'ast> Visit<'ast> for Events {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        let is_event = called.path.segments.last().is_some_and(|name| MACROS.iter().any(|known| name.ident == known));
        if is_event && has_debug_form(&called.tokens) {
            self.0.push(called.tokens.to_string());
        }
    }
}

/// Whether a question mark stands before a value, and not behind an expression.
fn has_debug_form(tokens: &TokenStream) -> bool {
    let mut before_value = true;
    tokens.clone().into_iter().any(|token| {
        let TokenTree::Punct(mark) = &token else {
            before_value = false;
            return false;
        };
        let found = before_value && mark.as_char() == '?';
        before_value = matches!(mark.as_char(), ',' | '=');
        found
    })
}
