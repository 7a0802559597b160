//! The files of TD3's authors: `NAME_actor` and `NAME_critic`, a state dict each.

use std::path::{Path, PathBuf};

use super::foreign::{Actor, Critics, ForeignAgent};
use super::state_dict::{Layer, StateDict};
use crate::algo::Algo;
use crate::error::{Error, Result};
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
    /// [`Error::Io`]; [`Error::Agent`] saying what does not fit.
    pub(super) fn read(self) -> Result<ForeignAgent> {
        let mut state = StateDict::open(&self.actor)?;
        let layers = three(&mut state, 1).and_then(|layers| state.finish().map(|()| layers));
        let [first, second, mean] = layers.map_err(|e| Error::agent(&self.actor, e))?;
        let actor = Actor { hidden: vec![first, second], mean, log_std: None };
        let mut state = StateDict::open(&self.critic)?;
        let mut both = || Ok([three(&mut state, 1)?, three(&mut state, 4)?]);
        let both = both().and_then(|both| state.finish().map(|()| both));
        let critics = both.map_err(|e| Error::agent(&self.critic, e))?.map(Vec::from);
        let files = vec![self.actor, self.critic];
        Ok(ForeignAgent::new("TD3 of its authors", Algo::Td3, actor, Critics(critics), files))
    }
}

/// Takes the three layers `lN` from a number on.
fn three(state: &mut StateDict, first: usize) -> Read<[Layer; 3]> {
    let mut layer = |i: usize| state.layer(&format!("l{}", first + i));
    Ok([layer(0)?, layer(1)?, layer(2)?])
}
