//! No two files of `src/` need each other, directly or around a circle.
//!
//! File A needs file B where it names an item of B, in a `use` or by a path in its code. A module that
//! only passes a name on (`pub use`) is looked through: the name is that of the file which defines it.
//! Methods are not seen.

use std::collections::{BTreeMap, BTreeSet};

use super::{code_lines, rust_files};

/// A module or an item, from the root of the crate.
type Path = Vec<String>;

/// A file of `src/`.
struct Module {
    file: String,
    /// What it imports, and whether it passes it on.
    imports: Vec<(Path, bool)>,
    /// Paths in its code.
    named: Vec<Path>,
}

struct Modules(BTreeMap<Path, Module>);

/// Returns the module that a file is; `None` outside the library.
fn module_of(file: &str) -> Option<Path> {
    let inside = file.strip_prefix("src/")?.strip_suffix(".rs")?;
    let mut path: Path = inside.split('/').map(str::to_owned).collect();
    if path[0] == "bin" {
        return None;
    }
    path.pop_if(|last| last == "mod" || last == "lib");
    Some(path)
}

/// Returns the code of a file, without comments and unit tests.
fn code(text: &str) -> String {
    let code: String = code_lines(text).flat_map(|(_, line)| [line, "\n"]).collect();
    let mut parts = code.split("#[cfg(test)]\nmod ");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |kept, part| {
        let end = if part.lines().next().unwrap().ends_with('{') { "\n}\n" } else { ";\n" };
        kept + part.split_once(end).map_or("", |(_, after)| after)
    })
}

/// Returns what an import names: `a::{self, b::c as d}` gives `a` and `a::b::c`.
fn paths_of(import: &str) -> Vec<String> {
    let Some((before, group)) = import.trim().split_once('{') else {
        let path = import.split(" as ").next().unwrap().trim();
        return vec![path.trim_end_matches("::self").to_owned()];
    };
    let mut depth = 0;
    let at_top = |c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth == 0 && c == ','
    };
    let group = group.trim_end().strip_suffix('}').unwrap();
    let inner = group.split(at_top).filter(|one| !one.trim().is_empty());
    inner.flat_map(|one| paths_of(&format!("{before}{}", one.trim()))).collect()
}

/// Splits code into its imports (public or not) and the rest.
fn imports_and_rest(code: &str) -> (Vec<(String, bool)>, String) {
    let (mut imports, mut rest) = (Vec::new(), String::new());
    let mut open: Option<(String, bool)> = None;
    for line in code.lines().map(str::trim) {
        let public = line.starts_with("pub");
        let words = if public { line.split_once(' ').map_or("", |(_, after)| after) } else { line };
        match (&mut open, words.strip_prefix("use ")) {
            (Some((import, _)), _) => import.push_str(line),
            (None, Some(start)) => open = Some((start.to_owned(), public)),
            (None, None) => rest.extend([line, "\n"]),
        }
        if let Some((import, public)) = open.take_if(|(import, _)| import.ends_with(';')) {
            let paths = paths_of(import.trim_end_matches(';'));
            imports.extend(paths.into_iter().map(|path| (path, public)));
        }
    }
    (imports, rest)
}

impl Modules {
    fn of(files: Vec<(String, String)>) -> Self {
        let sources: BTreeMap<Path, (String, String)> = files
            .into_iter()
            .filter_map(|(file, text)| Some((module_of(&file)?, (file, code(&text)))))
            .collect();
        let is_module = |path: &Path| sources.contains_key(path);
        let read = |(own, (file, code)): (&Path, &(String, String))| {
            let (imports, rest) = imports_and_rest(code);
            let imports: Vec<(Path, bool)> = imports
                .into_iter()
                .filter_map(|(path, public)| Some((absolute(own, &path, &is_module)?, public)))
                .collect();
            let alias = |name: &str| {
                imports.iter().find(|(p, _)| is_module(p) && p.ends_with(&[name.to_owned()]))
            };
            let words = rest.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            let paths = words.filter(|word| word.contains("::")).filter_map(|word| {
                let (first, after) = word.split_once("::")?;
                match alias(first) {
                    Some((module, _)) => Some([module.clone(), segments(after)].concat()),
                    None => absolute(own, word, &is_module),
                }
            });
            let named = paths.collect();
            (own.clone(), Module { file: file.clone(), imports, named })
        };
        Self(sources.iter().map(read).collect())
    }

    /// Returns the module whose file defines what a path names.
    fn home(&self, path: &Path) -> Path {
        let length = (0..=path.len()).rev().find(|n| self.0.contains_key(&path[..*n])).unwrap();
        let (module, item) = path.split_at(length);
        let passed_on = self.0[module].imports.iter().find(|(import, public)| {
            *public && import != path && !item.is_empty() && import.last() == item.first()
        });
        match passed_on {
            Some((import, _)) => self.home(&[import, &item[1..]].concat()),
            None => module.to_vec(),
        }
    }

    /// Returns the modules that each one needs.
    fn needs(&self) -> BTreeMap<&Path, BTreeSet<Path>> {
        let of = |(own, module): (&'_ Path, &Module)| -> BTreeSet<Path> {
            // A module is needed for what is named in it; a name of a module below is passed on.
            let imported = module.imports.iter().filter(|(path, public)| {
                !(self.0.contains_key(path) || *public && path.starts_with(own))
            });
            let all = imported.map(|(path, _)| path).chain(&module.named);
            all.map(|path| self.home(path)).filter(|home| home != own).collect()
        };
        self.0.iter().map(|(own, module)| (own, of((own, module)))).collect()
    }

    /// Returns the circles: files of which each needs, by way of others, every other one.
    fn circles(&self) -> Vec<Vec<&str>> {
        let needs = self.needs();
        let reached = |from: &Path| {
            let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
            while let Some(module) = left.pop() {
                left.extend(needs[module].iter().filter(|next| seen.insert((*next).clone())));
            }
            seen
        };
        let reach: BTreeMap<&Path, BTreeSet<Path>> =
            self.0.keys().map(|module| (module, reached(module))).collect();
        let mut circles: BTreeSet<Vec<&str>> = BTreeSet::new();
        for (module, seen) in reach.iter().filter(|(module, seen)| seen.contains(**module)) {
            let around = seen.iter().filter(|other| reach[other].contains(*module));
            circles.insert(around.map(|other| self.0[other].file.as_str()).collect());
        }
        circles.into_iter().collect()
    }
}

fn segments(path: &str) -> Path {
    path.split("::").filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Returns the path from the root of the crate that a path in module `own` means; `None` for other crates.
fn absolute(own: &Path, path: &str, is_module: &impl Fn(&Path) -> bool) -> Option<Path> {
    let mut words = segments(path);
    let mut start = own.clone();
    match words.first()?.as_str() {
        "crate" => start.clear(),
        "self" | "super" => {}
        child if is_module(&[own.as_slice(), &[child.to_owned()]].concat()) => {
            words.insert(0, "self".into());
        }
        _ => return None,
    }
    let ups = words.iter().take_while(|word| *word == "super").count();
    start.truncate(start.len() - ups);
    Some([start, words.split_off(ups.max(1))].concat())
}

#[test]
fn no_circle_between_files() {
    let modules = Modules::of(rust_files());
    let found = modules.circles();
    assert!(found.is_empty(), "files that need each other:\n{found:#?}");
}

#[test]
fn a_planted_circle_is_found() {
    let file = |name: &str, text: &str| (format!("src/{name}.rs"), text.to_owned());
    let modules = Modules::of(vec![
        file("lib", "pub mod a;\npub mod c;"),
        file("a/mod", "mod b;\nmod d;\npub use b::{\n    Thing,\n    other,\n};"),
        file(
            "a/b",
            "use crate::c;\nfn f() {\n    c::g();\n}\n#[cfg(test)]\nmod tests {\n    use crate::a::d;\n}",
        ),
        file("a/d", "use super::Thing; // by way of the parent"),
        file("c", "use crate::{a::Thing as T, rng};"),
    ]);
    assert_eq!(modules.circles(), [["src/a/b.rs", "src/c.rs"]]);
}
