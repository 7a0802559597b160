//! The sentences and the layout of pages: templates in `text/`, filled with values.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use super::canvas::escape;

/// All templates by name. That of HTML escapes what it is given; lines of `.how.md` and `.limits.md` are prose, whose
/// paragraphs are joined to one line each.
const TEMPLATES: [(&str, &str); 4] = [
    ("cosine.how.md", include_str!("text/cosine.how.md")),
    ("cosine.limits.md", include_str!("text/cosine.limits.md")),
    ("page.html", include_str!("text/page.html")),
    ("page.md", include_str!("text/page.md")),
];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| {
        if name == "page.html" { AutoEscape::Html } else { AutoEscape::None }
    });
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("the usual delimiters"));
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

/// Fills a template of prose: paragraphs are parted by an empty line, and each is one line.
pub(super) fn prose(name: &str, values: impl Serialize) -> String {
    let text = fill(name, values);
    let line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let paragraphs = text.split("\n\n").map(line).filter(|line| !line.is_empty());
    paragraphs.collect::<Vec<_>>().join("\n\n")
}
