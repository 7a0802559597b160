//! The sentences and the layout of pages: templates in `text/`, filled with values.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, escape_formatter};
use serde::Serialize;

use super::canvas::escape;

/// The templates of pages by name; those of sentences are compiled into the views that fill them.
const PAGES: [(&str, &str); 2] =
    [("page.html", include_str!("text/page.html")), ("page.md", include_str!("text/page.md"))];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| {
        if name == "page.html" { AutoEscape::Html } else { AutoEscape::None }
    });
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("the usual delimiters"));
    // The engine's own escaping turns each slash of a path into an entity.
    environment.set_formatter(|out, state, value| match (state.auto_escape(), value.as_str()) {
        (AutoEscape::Html, Some(text)) if !value.is_safe() => Ok(out.write_str(&escape(text))?),
        _ => escape_formatter(out, state, value),
    });
    environment.add_filter("code", |text: String| Value::from_safe_string(code(&text)));
    environment.add_filter("escape", |text: String| Value::from_safe_string(escape(&text)));
    for (name, source) in PAGES {
        environment.add_template(name, source).expect("every template parses: a test fills it");
    }
    environment
});

/// Escapes text, and sets what stands between backticks as code.
fn code(text: &str) -> String {
    let pieces = text.split('`').enumerate().map(|(index, piece)| {
        let piece = escape(piece);
        if index % 2 == 1 { format!("<code>{piece}</code>") } else { piece }
    });
    pieces.collect()
}

/// Fills the template of a page, by its name.
///
/// # Panics
/// If the template asks for a value that is not there, which a test of its page would show.
pub(super) fn page(name: &str, values: impl Serialize) -> String {
    let template = ENVIRONMENT.get_template(name).expect("the name of a template");
    template.render(Serde(values)).unwrap_or_else(|error| panic!("{name}: {error:#}"))
}

/// Fills a template of sentences.
///
/// # Panics
/// As [`page`].
pub(super) fn fill(template: &str, values: impl Serialize) -> String {
    let filled = ENVIRONMENT.render_str(template, Serde(values));
    filled.unwrap_or_else(|error| panic!("{error:#} in\n{template}"))
}

/// How something was measured, and what a reader must not conclude from it.
#[derive(Debug, Default)]
pub(crate) struct Method {
    pub how_measured: String,
    pub does_not_show: String,
}

/// Fills the template of a measure, which has two headings. An empty line ends a paragraph, and each becomes one
/// line, so that templates may break lines anywhere.
///
/// # Panics
/// As [`page`], and if a heading is missing.
pub(crate) fn method(template: &str, values: impl Serialize) -> Method {
    let text = fill(template, values);
    let (how, limits) = text.split_once("## What it does not show").expect("the second heading");
    let how = how.trim_start().strip_prefix("## How it was measured").expect("the first heading");
    let line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let joined = |text: &str| {
        let paragraphs = text.split("\n\n").map(line).filter(|line| !line.is_empty());
        paragraphs.collect::<Vec<_>>().join("\n\n")
    };
    Method { how_measured: joined(how), does_not_show: joined(limits) }
}
