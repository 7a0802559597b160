//! The files of TD3's authors: `NAME_actor` and `NAME_critic`, a state dict each.

use std::path::{Path, PathBuf};

use super::foreign::{Actor, Critics, ForeignAgent};
use super::state_dict::{Layer, StateDict};
use crate::algo::Algo;
use crate::error::Result;
use crate::pickled::pickle_code::Read;

/// Both files.
pub(super) struct Td3Files {
    actor: PathBuf,
    critic: PathBuf,
}

impl Td3Files {
    /// Returns the files that a path names: one of them, or what their names have in common.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let stem = name.strip_suffix("_actor").or_else(|| name.strip_suffix("_critic"));
        let stem = stem.unwrap_or(name);
        let [actor, critic] =
            ["actor", "critic"].map(|part| path.with_file_name(format!("{stem}_{part}")));
        (actor.is_file() && critic.is_file()).then_some(Self { actor, critic })
    }

    /// Reads both. Neither γ nor the steps are in them, nor slow copies.
    ///
    /// # Errors
    /// As [`StateDict::take_from`].
    pub(super) fn read(self) -> Result<ForeignAgent> {
        let [first, second, mean] = StateDict::take_from(&self.actor, |state| three(state, 1))?;
        let actor = Actor { hidden: vec![first, second], mean, log_std: None };
        let both = |state: &mut StateDict| Ok([three(state, 1)?, three(state, 4)?]);
        let critics = Critics(StateDict::take_from(&self.critic, both)?.map(Vec::from));
        let files = vec![self.actor, self.critic];
        Ok(ForeignAgent::new("TD3 of its authors", Algo::Td3, actor, critics, files))
    }
}

/// Takes the three layers `lN` that begin with number `first`.
fn three(state: &mut StateDict, first: usize) -> Read<[Layer; 3]> {
    let mut layer = |i: usize| state.layer(&format!("l{}", first + i));
    Ok([layer(0)?, layer(1)?, layer(2)?])
}
