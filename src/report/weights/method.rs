//! How dynamic weights were measured, for `text/weights.md`.

use serde_json::json;

use crate::analysis::measure::weights::sample::VISITED;
use crate::analysis::measure::weights::start::EQUALS;
use crate::analysis::measure::weights::{Heads, Scaling, WeightSettings};
use crate::report::text::{self, Method};

/// How networks were measured: at the `start` of training, or as checkpoints hold them.
pub(crate) fn method(settings: WeightSettings, start: bool) -> Method {
    let WeightSettings { states, binning, bins, scaling, heads } = settings;
    let values = json!({
        "start": start,
        "states": states,
        "visited": VISITED,
        "scaling": match scaling {
            Scaling::Raw => "as they come",
            Scaling::Standardised => "standardised over those steps",
        },
        "heads": match heads {
            Heads::Pytorch => "in the primary network and in the heads",
            Heads::Hyper => "in the primary network alone, where the heads keep the paper's bounds,",
        },
        "bins": bins,
        "binning": binning.name(),
        "range": match binning.name() {
            "reference" => "on the range of MLP-Small's weights, with an overflow bin on either side",
            _ => "on the range of both samples together",
        },
        "equals": if start {
            format!("MLP-Small and {EQUALS} more draws of it for each seed")
        } else {
            "the two MLP-Smalls of a run".to_owned()
        },
    });
    text::method(include_str!("../text/weights.md"), values)
}
