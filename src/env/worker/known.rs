//! Which environments in other processes are known: what they say of themselves, and by which command they start.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::lease::{self, Lease, Pool, lock};
use super::process::Process;
use super::protocol::Said;
use super::replay::{self, Replay};
use super::slot::Slot;
use crate::env::{Env, Spec};
use crate::error::{Error, Result};

/// How long an answer may take, unless asked otherwise.
const LIMIT: Duration = Duration::from_mins(1);

/// An environment as files hold it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::env) struct Stored {
    command: String,
    #[serde(flatten)]
    said: Said,
}

/// All that is known of an environment in other processes.
struct Known {
    pool: Pool,
    /// What a restored state must repeat, once the first process has shown it.
    replays: OnceLock<Vec<Replay>>,
    /// Set where the user gave the command: what a file names is never started.
    given: OnceLock<()>,
}

/// Every one that a command or a file of this process has named.
static ALL: Mutex<Vec<&'static Known>> = Mutex::new(Vec::new());

/// An environment in other processes: its place among all that are known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerEnv(usize);

impl WorkerEnv {
    fn known(self) -> &'static Known {
        lock(&ALL)[self.0]
    }

    /// Starts a command, asks what environment it is, and checks that its states can be restored. From now on it is
    /// this command that makes it, whatever files name; no file may have named another before.
    ///
    /// # Errors
    /// [`Error::Worker`] if it does not start, answer or restore; [`Error::Usage`] for an impossible time limit.
    pub(in crate::env) fn start(command: &str, seconds: Option<f64>) -> Result<Self> {
        let limit = seconds.map_or(Ok(LIMIT), Duration::try_from_secs_f64);
        let limit = limit.ok().filter(|limit| !limit.is_zero()).ok_or_else(|| {
            Error::Usage("--env-timeout must be a positive number of seconds".into())
        })?;
        let mut process = Process::start(command, limit)?;
        let known = known(lease::ask_spec(&mut process)?, command, limit);
        let Known { pool, given, .. } = known.known();
        if pool.command != command {
            let reason = format!("a file named `{}` for the same before", pool.command);
            return Err(Error::Worker { command: command.into(), reason });
        }
        given.get_or_init(|| ());
        pool.give_back(process);
        known.make()?;
        Ok(known)
    }

    /// Makes one environment; the first that a thread makes starts a process for it.
    ///
    /// # Errors
    /// [`Error::Worker`] if its command stands in a file alone, or does not do as it should.
    pub(in crate::env) fn make(self) -> Result<Box<dyn Env>> {
        let Known { pool, given, .. } = self.known();
        if given.get().is_none() {
            return Err(Error::Worker {
                command: pool.command.clone(),
                reason: "a file names it, and what files name is not started; look at it, then give it by --env-command"
                    .into(),
            });
        }
        let lease = Lease::of_thread(&self.known().pool, |lease| self.check(lease))?;
        Ok(Box::new(Slot::new(lease)?))
    }

    /// Checks that restored states repeat what followed them, in the first process as in all others.
    fn check(self, lease: &Arc<Lease>) -> Result<()> {
        let [mut first, mut second] =
            [Slot::new(Arc::clone(lease))?, Slot::new(Arc::clone(lease))?];
        let shown = &self.known().replays;
        if shown.get().is_none() {
            // Another thread may show the same meanwhile.
            let _ = shown.set(replay::record(&mut first)?);
        }
        let replays = shown.get().map_or(&[][..], |replays| &replays[..]);
        // In the environment that went on, and in one that has known nothing but a reset.
        replay::check(&mut first, replays)?;
        replay::check(&mut second, replays)
    }

    pub(in crate::env) fn spec(self) -> &'static Spec {
        &self.known().pool.spec
    }

    /// Returns lowest and highest action.
    pub(in crate::env) fn bounds(self) -> &'static [[f64; 2]] {
        &self.known().pool.said.bounds
    }

    /// Returns what it is made of, as it says.
    pub(in crate::env) fn fingerprint(self) -> &'static str {
        &self.known().pool.said.fingerprint
    }

    pub(in crate::env) fn stored(self) -> Stored {
        Stored { command: self.known().pool.command.clone(), said: self.known().pool.said.clone() }
    }

    pub(in crate::env) fn of_stored(stored: Stored) -> std::result::Result<Self, String> {
        let Stored { command, said } = stored;
        said.impossible().map_or_else(|| Ok(known(said, &command, LIMIT)), Err)
    }
}

/// Returns the one environment that says this of itself; the command that came first is the one that makes it.
fn known(said: Said, command: &str, limit: Duration) -> WorkerEnv {
    let mut all = lock(&ALL);
    if let Some(place) = all.iter().position(|known| known.pool.said == said) {
        return WorkerEnv(place);
    }
    let spec = Spec {
        name: Box::leak(said.name.clone().into_boxed_str()),
        obs_dim: said.observations,
        action_dim: said.bounds.len(),
        time_limit: said.time_limit,
        dt: 1.0,
    };
    let pool = Pool::new(said, command, limit, spec);
    all.push(Box::leak(Box::new(Known { pool, replays: OnceLock::new(), given: OnceLock::new() })));
    WorkerEnv(all.len() - 1)
}

impl std::fmt::Debug for WorkerEnv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.known().pool.said.fmt(f)
    }
}
