//! A folder with a file for each network of a SAC: `actor.pt`, `q1.pt`, `q2.pt`, the slow copies `q1_tgt.pt` and
//! `q2_tgt.pt`, and `alpha.pt`, where they are there.

use std::path::Path;

use super::cleanrl::bounds;
use super::foreign::{Actor, Critics, ForeignAgent};
use super::state_dict::{Layer, StateDict};
use crate::algo::Algo;
use crate::error::{Error, Result};
use crate::pickled::pickle_code::Read;

/// Files that such a folder must have.
const NEEDED: [&str; 3] = ["actor.pt", "q1.pt", "q2.pt"];

/// Returns whether it is such a folder.
pub(super) fn is_one(folder: &Path) -> bool {
    NEEDED.iter().all(|name| folder.join(name).is_file())
}

/// Reads the folder. Neither γ nor the steps are in it.
///
/// # Errors
/// As [`StateDict::take_from`].
pub(super) fn read(folder: &Path) -> Result<ForeignAgent> {
    let mut files = Vec::new();
    let mut path = |name: &str| {
        files.push(folder.join(name));
        folder.join(name)
    };
    let (actor, bounds) = StateDict::take_from(&path("actor.pt"), actor)?;
    let mut critics = |names: [&str; 2]| {
        let [first, second] = names.map(|name| StateDict::take_from(&path(name), critic));
        Ok::<_, Error>(Critics([first?, second?]))
    };
    let online = critics(["q1.pt", "q2.pt"])?;
    let there = |name: &str| folder.join(name).is_file();
    let slow = ["q1_tgt.pt", "q2_tgt.pt"];
    let targets = slow.iter().all(|name| there(name)).then(|| critics(slow)).transpose()?;
    let alpha = |state: &mut StateDict| state.number("log_alpha").map(f64::exp);
    let alpha = there("alpha.pt").then(|| StateDict::take_from(&path("alpha.pt"), alpha));
    let alpha = alpha.transpose()?;
    let agent = ForeignAgent::new("SAC, a file for each network", Algo::Sac, actor, online, files);
    Ok(ForeignAgent { critic_targets: targets, alpha, bounds: Some(bounds), ..agent })
}

/// Takes the actor, whose last layer gives means and then logarithms of σ, and the bounds of its actions.
fn actor(state: &mut StateDict) -> Read<(Actor, Vec<[f64; 2]>)> {
    let mut hidden = state.sequential("net.")?;
    let [mean, log_std] = hidden.pop().ok_or("an actor without layers")?.halves()?;
    let bounds = bounds(&state.take("scale")?, &state.take("bias")?)?;
    Ok((Actor { hidden, mean, log_std: Some(log_std) }, bounds))
}

fn critic(state: &mut StateDict) -> Read<Vec<Layer>> {
    state.sequential("q.")
}
