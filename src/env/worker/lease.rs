//! The processes of an environment, and which thread works with which.
//!
//! All environments that a thread holds at a time live in one process, so that one message makes the steps of many.
//! When the last of them goes, the process waits for the next thread.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::process::Process;
use super::protocol::{self, Said, Stepped, Unreadable};
use crate::env::Spec;
use crate::error::{Error, Result};

/// The processes of an environment.
pub(super) struct Pool {
    pub(super) said: Said,
    pub(super) spec: Spec,
    pub(super) command: String,
    limit: Duration,
    /// Those with which nobody works.
    idle: Mutex<Vec<Process>>,
}

impl Pool {
    pub(super) fn new(said: Said, command: &str, limit: Duration, spec: Spec) -> Self {
        Self { said, spec, command: command.into(), limit, idle: Mutex::default() }
    }

    /// Takes back a process with which nobody works any more.
    pub(super) fn give_back(&self, process: Process) {
        lock(&self.idle).push(process);
    }

    /// Starts a further process, which must say the same of itself.
    fn start(&self) -> Result<Process> {
        let mut process = Process::start(&self.command, self.limit)?;
        let said = ask_spec(&mut process)?;
        if said == self.said {
            return Ok(process);
        }
        Err(Error::Mismatch {
            what: format!("environment of `{}`", self.command),
            expected: self.said.to_string(),
            found: said.to_string(),
            remedy: "import the agent again, or give the right command with --env-command".into(),
        })
    }
}

/// A process, while somebody works with it.
pub(super) struct Lease {
    pub(super) pool: &'static Pool,
    inside: Mutex<Inside>,
}

/// What the environments of a lease share.
struct Inside {
    /// Always there, until the lease ends.
    process: Option<Process>,
    /// Whether a slot of this number is taken.
    taken: Vec<bool>,
    /// Steps that are asked for and not made.
    queued: Vec<(u32, Vec<f64>)>,
    /// Steps that are made and not taken.
    made: Vec<(u32, Stepped)>,
}

impl Lease {
    /// Returns the lease of this thread; without one, it gets a process that is idle, or a new one. A process is
    /// checked when it comes.
    pub(super) fn of_thread(
        pool: &'static Pool,
        check: impl FnOnce(&Arc<Self>) -> Result<()>,
    ) -> Result<Arc<Self>> {
        thread_local! {
            static LEASES: RefCell<Vec<Weak<Lease>>> = const { RefCell::new(Vec::new()) };
        }
        let present = |leases: &RefCell<Vec<Weak<Self>>>| {
            leases.borrow_mut().retain(|lease| lease.strong_count() > 0);
            let leases = leases.borrow();
            leases.iter().filter_map(Weak::upgrade).find(|lease| std::ptr::eq(lease.pool, pool))
        };
        if let Some(lease) = LEASES.with(present) {
            return Ok(lease);
        }
        let idle = lock(&pool.idle).pop();
        let process = idle.map_or_else(|| pool.start(), Ok)?;
        let checked = process.checked;
        let inside = Inside { process: Some(process), taken: vec![], queued: vec![], made: vec![] };
        let lease = Arc::new(Self { pool, inside: Mutex::new(inside) });
        if !checked {
            check(&lease)?;
            if let Some(process) = &mut lock(&lease.inside).process {
                process.checked = true;
            }
        }
        LEASES.with(|leases| leases.borrow_mut().push(Arc::downgrade(&lease)));
        Ok(lease)
    }

    /// Returns the number of a free slot, which is then taken.
    pub(super) fn take_slot(&self) -> u32 {
        let taken = &mut lock(&self.inside).taken;
        let free = taken.iter().position(|taken| !taken).unwrap_or(taken.len());
        if free == taken.len() {
            taken.push(true);
        }
        taken[free] = true;
        free as u32
    }

    /// Gives a slot back.
    pub(super) fn leave(&self, slot: u32) {
        let mut inside = lock(&self.inside);
        inside.forget(slot);
        inside.taken[slot as usize] = false;
    }

    /// Asks a question about a slot, of a kind and with what comes with it; returns the answer, which has `length`
    /// bytes, if that is known. Steps that were asked for in the slot and not taken are forgotten.
    pub(super) fn ask(
        &self,
        slot: u32,
        kind: u8,
        with: &[u8],
        length: Option<usize>,
    ) -> Result<Vec<u8>> {
        let mut inside = lock(&self.inside);
        inside.forget(slot);
        inside.ask(protocol::of_slot(kind, slot, with), length)
    }

    /// Asks for a step, which is made with those of other slots.
    pub(super) fn queue(&self, slot: u32, action: Vec<f64>) {
        let mut inside = lock(&self.inside);
        inside.forget(slot);
        inside.queued.push((slot, action));
    }

    /// Returns the result of the step that was asked for; all that wait are made, if it is one of them.
    pub(super) fn step(&self, slot: u32) -> Result<Stepped> {
        let mut inside = lock(&self.inside);
        let width = protocol::step_len(self.pool.spec.obs_dim);
        if inside.queued.iter().any(|(queued, _)| *queued == slot) {
            let queued = std::mem::take(&mut inside.queued);
            let answer = inside.ask(protocol::steps(&queued), Some(queued.len() * width))?;
            let made = queued.iter().zip(answer.chunks_exact(width));
            inside.made.extend(made.map(|((slot, _), bytes)| (*slot, protocol::stepped(bytes))));
        }
        let place = inside.made.iter().position(|(made, _)| *made == slot);
        let place = place.ok_or_else(|| Error::Fault("a step of a worker was lost".into()))?;
        Ok(inside.made.swap_remove(place).1)
    }
}

impl Inside {
    fn forget(&mut self, slot: u32) {
        self.queued.retain(|(queued, _)| *queued != slot);
        self.made.retain(|(made, _)| *made != slot);
    }

    fn ask(&mut self, question: Vec<u8>, length: Option<usize>) -> Result<Vec<u8>> {
        let lost = || Error::Fault("a worker was asked after its lease".into());
        let process = self.process.as_mut().ok_or_else(lost)?;
        let kind = question[0];
        let answer = process.ask(question)?;
        match length {
            Some(length) if length != answer.len() => {
                let what = format!("{} bytes where {length} were expected", answer.len());
                Err(process.nonsense(kind, &what))
            }
            _ => Ok(answer),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(mut process) = lock(&self.inside).process.take()
            && process.is_alive()
        {
            self.pool.give_back(process);
        }
    }
}

/// Asks a process what environment it is.
pub(super) fn ask_spec(process: &mut Process) -> Result<Said> {
    let answer = process.ask(protocol::spec())?;
    let said = protocol::said(&answer).map_err(|unreadable| match unreadable {
        Unreadable::Nonsense => process.nonsense(protocol::SPEC, "something that is not a specification"),
        Unreadable::Version(theirs) => process.error(format!(
            "it speaks version {theirs} of the protocol, this program version {}; serve it with the hyperl_env.py of \
             this version",
            protocol::VERSION
        )),
    })?;
    said.impossible().map_or(Ok(said), |reason| Err(process.error(reason)))
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
