//! Rules of the house that no lint knows: layers, circles, sizes of files, who may print, no paths of a
//! machine, citations that lead somewhere.

use std::fs;
use std::path::{Path, PathBuf};

mod circles;

/// The modules of `src/`, in the order of `lib.rs`: each uses only itself and those before it.
const LAYERS: [&str; 17] = [
    "error",
    "names",
    "rng",
    "stats",
    "env",
    "pickled",
    "nn",
    "rollout",
    "algo",
    "checkpoint",
    "agents",
    "gradient",
    "analysis",
    "study",
    "sweep",
    "report",
    "cli",
];

/// Lines a file of ours may have.
const LONGEST: usize = 400;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder`, sorted, without those that git ignores and build outputs.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    const SKIPPED: [&str; 5] = [".git", ".deps", "target", "checkpoints", "reports/demo"];
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .filter(|path| !SKIPPED.iter().any(|name| path.ends_with(name)))
        .flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] })
        .collect()
}

/// The Rust files of `src`, `tests` and `benches`: path from the root, text.
fn rust_files() -> Vec<(String, String)> {
    ["src", "tests", "benches"]
        .iter()
        .flat_map(|folder| files_below(&root().join(folder)))
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .map(|path| {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The lines that hold code: neither comments nor documentation.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The first path segments after each `crate::` of a line; `crate::{a, b::c}` gives a and b.
fn modules_named(line: &str) -> Vec<String> {
    let first_word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut modules = Vec::new();
    for rest in line.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            modules.push(first_word(rest));
            continue;
        };
        let mut depth = 0;
        let at_top = |c: char| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            depth == 0 && c == ','
        };
        modules.extend(group.split(at_top).map(first_word));
    }
    modules.retain(|module| !module.is_empty());
    modules
}

#[test]
fn data_goes_one_way() {
    let layer = |module: &str| LAYERS.iter().position(|l| *l == module);
    let mut broken = Vec::new();
    for (name, text) in rust_files() {
        let Some(inside) = name.strip_prefix("src/") else { continue };
        let Some(own) = layer(inside.split(['/', '.']).next().unwrap()) else { continue };
        for (i, line) in code_lines(&text) {
            for module in modules_named(line) {
                let allowed = match layer(&module) {
                    Some(other) => other <= own,
                    // The last is of the tests.
                    None => ["Error", "Result", "mutated"].contains(&module.as_str()),
                };
                if !allowed {
                    broken.push(format!("{name}:{}: {} uses crate::{module}", i + 1, LAYERS[own]));
                }
            }
        }
    }
    assert!(
        broken.is_empty(),
        "a module uses only itself and earlier layers:\n{}",
        broken.join("\n")
    );
}

#[test]
fn the_map_of_the_crate_lists_the_modules_in_the_order_of_the_layers() {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let row = |line: &str| {
        let name = line
            .strip_prefix("//! | ")?
            .trim_start_matches('[')
            .strip_prefix('`')?
            .split('`')
            .next()?;
        Some(name.trim_start_matches("mod@").to_owned()) // `env` is a macro too
    };
    let listed: Vec<String> = text.lines().filter_map(row).collect();
    assert_eq!(listed, LAYERS);
    assert!(LAYERS.iter().all(|module| text.contains(&format!("mod {module};"))));
}

#[test]
fn every_file_can_be_read_in_one_sitting() {
    let long: Vec<String> = rust_files()
        .into_iter()
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "at most {LONGEST} lines a file:\n{}", long.join("\n"));
}

/// Where a program or the library begins.
fn begins(name: &str) -> bool {
    let first = ["src/lib.rs", "tests/suite/main.rs", "benches/timing/main.rs"];
    let bench = "benches/operating_characteristics.rs";
    first.contains(&name) || name == bench || name.starts_with("src/bin/")
}

#[test]
fn every_file_is_compiled() {
    let files = rust_files();
    let mut forgotten = Vec::new();
    for (name, _) in files.iter().filter(|(name, _)| !begins(name)) {
        let path = Path::new(name).with_extension("");
        let module = if path.ends_with("mod") { path.parent().unwrap() } else { &path };
        let (folder, stem) = (module.parent().unwrap(), module.file_name().unwrap());
        let parents = ["mod.rs", "lib.rs", "main.rs"].map(|file| folder.join(file));
        let declared = format!("mod {};", stem.to_str().unwrap());
        let placed = format!("{}\"]", Path::new(name).file_name().unwrap().to_str().unwrap());
        let compiled = files.iter().any(|(other, text)| {
            let other = Path::new(other);
            let parent = other.with_extension("") == folder || parents.iter().any(|p| p == other);
            let placed = |line: &str| line.starts_with("#[path = ") && line.ends_with(&placed);
            parent && text.contains(&declared) || text.lines().any(placed)
        });
        if !compiled {
            forgotten.push(name.as_str());
        }
    }
    assert!(forgotten.is_empty(), "no module is of these files:\n{}", forgotten.join("\n"));
}

#[test]
fn nothing_prints_with_macros_that_panic_where_nobody_reads() {
    let macros = ["print", "eprint"].map(|name| [format!("{name}!("), format!("{name}ln!(")]);
    let mut printing = Vec::new();
    for (name, text) in rust_files().into_iter().filter(|(name, _)| name.starts_with("src/")) {
        for (i, line) in code_lines(&text) {
            if macros.iter().flatten().any(|m| line.contains(m.as_str())) {
                printing.push(format!("{name}:{}", i + 1));
            }
        }
    }
    assert!(
        printing.is_empty(),
        "src/cli prints with say! and note!, all else not at all:\n{}",
        printing.join("\n")
    );
}

#[test]
fn no_file_names_a_folder_of_one_machine() {
    // Put together here, so that this file does not name them itself.
    let folders = ["home", "root", "work", "Users"].map(|folder| format!("/{folder}/"));
    let scratch = format!("/{}/", "tmp");
    let mut named = Vec::new();
    for path in files_below(root()) {
        let Ok(text) = fs::read_to_string(&path) else { continue }; // not text
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        for (i, line) in text.lines().enumerate() {
            let starts_here = |folder: &String| {
                line.match_indices(folder.as_str()).any(|(at, _)| {
                    // Only where a path starts: not inside a relative path or an address.
                    !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}/".contains(c))
                })
            };
            if folders.iter().chain([&scratch]).any(starts_here) {
                named.push(format!("{name}:{}", i + 1));
            }
        }
    }
    assert!(named.is_empty(), "paths of a machine:\n{}", named.join("\n"));
}

/// The numbers of sections with which a text begins, up to its first word: of "§2.1, §2.4–2.5: …" three.
fn sections(text: &str) -> Vec<&str> {
    let word = |c: char| !c.is_ascii_digit() && !"`§., –".contains(c);
    let numbers = &text[..text.find(word).unwrap_or(text.len())];
    numbers
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .map(|number| number.trim_matches('.'))
        .filter(|number| !number.is_empty())
        .collect()
}

#[test]
fn sections_that_comments_cite_exist() {
    // Put together here, so that this file does not cite it.
    let page = ["docs", "estimator.md"].join("/");
    let text = fs::read_to_string(root().join(&page)).unwrap();
    let heading = |line: &str| {
        let number = line.strip_prefix("##")?.trim_start_matches('#').split_whitespace().next()?;
        Some(number.trim_end_matches('.').to_owned())
    };
    let headings: Vec<String> = text.lines().filter_map(heading).collect();
    let (mut cited, mut missing) = (0, Vec::new());
    for (name, text) in rust_files() {
        for (i, line) in text.lines().enumerate() {
            for (at, _) in line.match_indices(page.as_str()) {
                let numbers = sections(&line[at + page.len()..]);
                cited += numbers.len();
                if numbers.is_empty() {
                    missing.push(format!("{name}:{}: no section is named", i + 1));
                }
                for number in numbers.iter().filter(|n| !headings.iter().any(|h| h == *n)) {
                    missing.push(format!("{name}:{}: §{number}", i + 1));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{page} has no such section:\n{}", missing.join("\n"));
    assert!(cited > 40, "{cited} citations were found: are they still written as they were?");
}

#[test]
fn numbers_of_sections_end_at_the_first_word() {
    assert_eq!(sections("` §2.1, §2.4–2.5: as in 3 tests"), ["2.1", "2.4", "2.5"]);
    assert_eq!(sections(" §7."), ["7"]);
    assert!(sections(", of which 1 is read").is_empty());
}

#[test]
fn grouped_and_nested_imports_are_seen() {
    let modules = modules_named("use crate::{error::{Error, Result}, rng::Stream, nn};");
    assert_eq!(modules, ["error", "rng", "nn"]);
    assert_eq!(modules_named("crate::stats::mean(crate::rng::x)"), ["stats", "rng"]);
    assert!(modules_named("pub(crate) fn f()").is_empty());
}
