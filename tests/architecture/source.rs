//! One file, read with `syn`: what it defines, brings into scope and speaks of. Items for tests alone are left out.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, Meta, UseTree, Visibility};

/// What the items of a file, or of a module within one, say.
#[derive(Default)]
pub(super) struct Content<'ast> {
    /// The names of the items.
    pub(super) definitions: Vec<String>,
    pub(super) uses: Vec<Use>,
    /// Every other path, in code, types, attributes and what is handed to macros.
    pub(super) paths: Vec<Vec<String>>,
    /// The modules within, which are read on their own.
    pub(super) modules: Vec<&'ast ItemMod>,
    /// The modules for tests alone.
    pub(super) test_modules: Vec<&'ast ItemMod>,
}

/// One name that a `use` brings into scope.
pub(super) struct Use {
    pub(super) path: Vec<String>,
    /// The name in scope: `*` for a glob, `_` for a trait without a name.
    pub(super) name: String,
    /// Whether others can see it.
    pub(super) reexport: bool,
}

/// A path that begins with `::` begins with this: it leads to another crate.
pub(super) const ELSEWHERE: &str = "";

pub(super) fn read(items: &[Item]) -> Content<'_> {
    let mut content = Content::default();
    for item in items {
        content.visit_item(item);
    }
    content
}

pub(super) fn for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition: String = list.tokens.to_string().split_whitespace().collect();
            condition == "test" || condition.starts_with("all(test,")
        }
        _ => false,
    })
}

impl<'ast> Visit<'ast> for Content<'ast> {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Mod(module) if for_tests(&module.attrs) => self.test_modules.push(module),
            _ if for_tests(attributes(item)) => {}
            Item::Mod(module) => self.modules.push(module),
            Item::Use(import) => {
                let start = import.leading_colon.as_ref().map(|_| ELSEWHERE.to_owned());
                let reexport = !matches!(import.vis, Visibility::Inherited);
                add_uses(&import.tree, &start.into_iter().collect::<Vec<_>>(), reexport, &mut self.uses);
            }
            _ => {
                self.definitions.extend(defined(item));
                visit::visit_item(self, item);
            }
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !for_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_impl_item_const(&mut self, constant: &'ast syn::ImplItemConst) {
        if !for_tests(&constant.attrs) {
            visit::visit_impl_item_const(self, constant);
        }
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if !for_tests(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !for_tests(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.paths.push(names(path));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        add_paths(call.tokens.clone(), false, &mut self.paths);
    }

    /// `#[serde(default = "…")]` and the like name functions in texts. Documentation names what it likes.
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            let texts = list.path.is_ident("serde") || list.path.is_ident("schemars");
            add_paths(list.tokens.clone(), texts, &mut self.paths);
        }
    }
}

fn names(path: &syn::Path) -> Vec<String> {
    let start = path.leading_colon.as_ref().map(|_| ELSEWHERE.to_owned());
    start.into_iter().chain(path.segments.iter().map(|segment| segment.ident.to_string())).collect()
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(syn::ItemConst { attrs, .. })
        | Item::Enum(syn::ItemEnum { attrs, .. })
        | Item::Fn(syn::ItemFn { attrs, .. })
        | Item::Impl(syn::ItemImpl { attrs, .. })
        | Item::Macro(syn::ItemMacro { attrs, .. })
        | Item::Static(syn::ItemStatic { attrs, .. })
        | Item::Struct(syn::ItemStruct { attrs, .. })
        | Item::Trait(syn::ItemTrait { attrs, .. })
        | Item::Type(syn::ItemType { attrs, .. })
        | Item::Union(syn::ItemUnion { attrs, .. })
        | Item::Use(syn::ItemUse { attrs, .. }) => attrs,
        _ => &[],
    }
}

fn defined(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

fn add_uses(tree: &UseTree, before: &[String], reexport: bool, uses: &mut Vec<Use>) {
    let with = |name: &syn::Ident| before.iter().cloned().chain([name.to_string()]).collect::<Vec<_>>();
    let mut add = |mut path: Vec<String>, name: Option<String>| {
        // `use a::b::{self}` is `use a::b`; `use self::b` isn't meant.
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
        uses.push(Use { path, name, reexport });
    };
    match tree {
        UseTree::Path(path) => add_uses(&path.tree, &with(&path.ident), reexport, uses),
        UseTree::Name(name) => add(with(&name.ident), None),
        UseTree::Rename(name) => add(with(&name.ident), Some(name.rename.to_string())),
        UseTree::Glob(_) => add(before.to_vec(), Some("*".to_owned())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| add_uses(tree, before, reexport, uses)),
    }
}

/// The paths among tokens that no grammar is known for: names, joined by `::`. Fields and lifetimes are none.
fn add_paths(tokens: TokenStream, texts: bool, paths: &mut Vec<Vec<String>>) {
    let mut path: Vec<String> = Vec::new();
    let mut before = String::new();
    for token in tokens {
        match token {
            TokenTree::Ident(name) => {
                match before.as_str() {
                    "::" if path.is_empty() => path.extend([ELSEWHERE.to_owned(), name.to_string()]),
                    "::" => path.push(name.to_string()),
                    "." | "'" => {}
                    _ => {
                        paths.push(std::mem::replace(&mut path, vec![name.to_string()]));
                    }
                }
                before.clear();
                continue;
            }
            TokenTree::Punct(mark) => {
                before.push(mark.as_char());
                if matches!(before.as_str(), ":" | "::") {
                    continue;
                }
                if !matches!(before.as_str(), "." | "..") {
                    before = before.split_off(before.len() - 1);
                }
            }
            TokenTree::Group(group) => {
                before.clear();
                add_paths(group.stream(), texts, paths);
            }
            TokenTree::Literal(literal) => {
                before.clear();
                let text = syn::parse_str::<syn::LitStr>(&literal.to_string()).ok().filter(|_| texts);
                paths.extend(text.and_then(|text| text.parse::<syn::Path>().ok()).map(|path| names(&path)));
            }
        }
        paths.push(std::mem::take(&mut path));
    }
    paths.push(path);
    paths.retain(|path| !path.is_empty());
}
