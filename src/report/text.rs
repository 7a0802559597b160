//! The sentences and the layout of pages: templates in `text/`, filled with values.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, escape_formatter};
use serde::Serialize;

use super::canvas::escape;

/// All templates by name: two of pages, of which the HTML one escapes its values, and one for the sentences of each
/// measure.
const TEMPLATES: [(&str, &str); 18] = [
    ("audit.md", include_str!("text/audit.md")),
    ("compare-critics.md", include_str!("text/compare-critics.md")),
    ("cosine.md", include_str!("text/cosine.md")),
    ("gate.md", include_str!("text/gate.md")),
    ("gate.xml", include_str!("text/gate.xml")),
    ("hyper-parameters.md", include_str!("text/hyper-parameters.md")),
    ("maml-adaptation.md", include_str!("text/maml-adaptation.md")),
    ("maml-noise.md", include_str!("text/maml-noise.md")),
    ("page.html", include_str!("text/page.html")),
    ("page.md", include_str!("text/page.md")),
    ("policy-cosine.md", include_str!("text/policy-cosine.md")),
    ("printed-claims.md", include_str!("text/printed-claims.md")),
    ("promise.md", include_str!("text/promise.md")),
    ("returns.md", include_str!("text/returns.md")),
    ("self-test.md", include_str!("text/self-test.md")),
    ("task-gap.md", include_str!("text/task-gap.md")),
    ("value-error.md", include_str!("text/value-error.md")),
    ("weights.md", include_str!("text/weights.md")),
];

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
    for (name, source) in TEMPLATES {
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

/// Fills a template.
///
/// # Panics
/// If the template asks for a value that is not there, which a test of its page would show.
pub(super) fn fill(name: &str, values: impl Serialize) -> String {
    let template = ENVIRONMENT.get_template(name).expect("the name of a template");
    template.render(Serde(values)).unwrap_or_else(|error| panic!("{name}: {error:#}"))
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
/// As [`fill`], and if a heading is missing.
pub(crate) fn method(name: &str, values: impl Serialize) -> Method {
    let text = fill(name, values);
    let (how, limits) = text.split_once("## What it does not show").expect("the second heading");
    let how = how.trim_start().strip_prefix("## How it was measured").expect("the first heading");
    let line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let joined = |text: &str| {
        let paragraphs = text.split("\n\n").map(line).filter(|line| !line.is_empty());
        paragraphs.collect::<Vec<_>>().join("\n\n")
    };
    Method { how_measured: joined(how), does_not_show: joined(limits) }
}
