//! What the first version of the layout wrote, as the second one has it.
//!
//! Then there were three kinds of checkpoints, told apart by the key that holds the version.

use serde_json::{Map, Value, json};

use super::manifest::FORMAT;
use crate::algo::Algo;

/// The key that holds the version, today's first.
const KEYS: [&str; 3] = ["hyperl_checkpoint", "hyperl_meta_checkpoint", "hyperl_pearl_checkpoint"];

/// Returns the version of a manifest's layout; `None` if this program did not write it.
pub(super) fn format(manifest: &Value) -> Option<u64> {
    KEYS.iter().find_map(|key| manifest.get(key)).and_then(Value::as_u64)
}

/// Turns a manifest of version 1 into one of version 2. What is missing stays missing, and what is too much
/// is left in, for the reader to refuse.
pub(super) fn manifest(mut old: Map<String, Value>, algo: Algo) -> Value {
    for key in KEYS {
        old.remove(key);
    }
    old.insert(KEYS[0].into(), FORMAT.into());
    old.insert("algo".into(), algo.name().into());
    old.insert("unit".into(), algo.unit().name().into());
    if let Some(iteration) = old.remove("iteration") {
        // An iteration of MAML is one update.
        old.entry("updates").or_insert_with(|| iteration.clone());
        old.insert("step".into(), iteration);
    }
    if let Some(weights) = old.remove("weights") {
        old.insert("hashes".into(), json!({ "weights": weights }));
    }
    if let (Some(kept), Some(seen)) = (old.get("states").cloned(), old.remove("states_seen")) {
        old.insert("states".into(), json!({ "kept": kept, "seen": seen }));
    }
    Value::Object(old)
}
