//! What can go wrong: one variant for each thing a user can put right.
//!
//! Every message says what was expected, what came, and what to do. The command line prints it as
//! one line and exits with code 3.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The result of everything that can fail in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure, with its remedy in the message.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name that is in no registry (environment, critic, algorithm, …).
    #[error("unknown {kind} '{name}'; choose one of: {known}")]
    UnknownName {
        /// What was asked for, in the user's words: "environment", "critic".
        kind: &'static str,
        /// The name that came.
        name: String,
        /// The names that exist, separated by commas.
        known: String,
    },

    /// Flags or settings that contradict each other or lie outside their range.
    #[error("{0}")]
    Usage(String),

    /// A TOML file that does not parse, or holds an unknown key.
    #[error("{}: {reason}", path.display())]
    Config {
        /// The file, or `--set` for a setting of the command line.
        path: PathBuf,
        /// What is wrong in it.
        reason: String,
    },

    /// A file or folder that cannot be read or written.
    #[error("cannot {action} {}: {source}; {}", path.display(), remedy(action, source))]
    Io {
        /// The verb: "read", "write", "create".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },

    /// A path that holds no checkpoint where one was expected.
    #[error("{} is not a checkpoint: {reason}", path.display())]
    NotACheckpoint {
        /// The path that was given.
        path: PathBuf,
        /// What is missing or strange.
        reason: String,
    },

    /// A checkpoint that was one, and is damaged.
    #[error("{} is damaged: {reason}; train or copy it again", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },

    /// Files of an agent that another tool trained, which are damaged or not understood.
    #[error("{} cannot be read as an agent: {reason}", path.display())]
    Agent {
        /// The file or folder.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },

    /// A run that exists already; nothing is overwritten.
    #[error("{} exists already; add --resume to continue it, or choose another --out", .0.display())]
    RunExists(PathBuf),

    /// Something that another process works on.
    #[error("{} is in use by {holder}; wait until it ends, or choose another --out", path.display())]
    InUse {
        /// The folder or file.
        path: PathBuf,
        /// Number and command of the process.
        holder: String,
    },

    /// Two things that must agree and do not.
    #[error("{what}: expected {expected}, got {found}; {remedy}")]
    Mismatch {
        /// What was compared.
        what: String,
        /// What was expected.
        expected: String,
        /// What came.
        found: String,
        /// What to do.
        remedy: String,
    },

    /// Numbers that are NaN or infinite where that makes every result meaningless.
    #[error("{0}")]
    NonFinite(String),

    /// Training whose networks ran off to NaN or infinity.
    #[error(
        "training diverged {moment}: {what}; what was saved before is kept; train anew with {remedy}, \
         for --resume would repeat this bit for bit"
    )]
    Diverged {
        /// What is NaN or infinite.
        what: String,
        /// When, such as "at step 7".
        moment: String,
        /// Which settings to change, such as "a lower `td3.actor_lr`".
        remedy: String,
    },

    /// A gradient that the data do not determine.
    #[error(transparent)]
    Gradient(#[from] GradientError),

    /// A simulation that `MuJoCo` reports as unstable.
    #[error("the physics of {env} became unstable: {reason}")]
    Physics {
        /// Name of the environment.
        env: String,
        /// `MuJoCo`'s warning.
        reason: String,
    },

    /// An environment in another process that does not do as `docs/worker.md` says.
    #[error("the environment `{command}`: {reason}")]
    Worker {
        /// The command that started it.
        command: String,
        /// What it did, and what to do.
        reason: String,
    },

    /// Checkpoints that an analysis needs and nobody has made yet.
    #[error("missing checkpoint for {what}; make it with: {command}")]
    MissingCheckpoint {
        /// Which checkpoint.
        what: String,
        /// The command that trains it.
        command: String,
    },

    /// Libtorch refused an operation.
    #[error("{}", torch_message(&.0.to_string()))]
    Torch(#[from] tch::TchError),

    /// A network in `TorchScript` that holds what is not allowed, or is not what it should be.
    #[error("a network in TorchScript cannot be used: {0}")]
    Script(String),

    /// Memory that the system refuses.
    #[error("{}", out_of_memory(.0))]
    OutOfMemory(String),

    /// A fault of this program.
    #[error("this is a fault of hyperl: {0}; please report it, with the command that led to it")]
    Fault(String),

    /// A table could not be built, read or written.
    #[error("table: {0}")]
    Table(String),

    /// A figure could not be drawn.
    #[error("figure: {0}")]
    Figure(String),
}

/// Why a least-squares gradient is undefined (`docs/estimator.md` §1.2, §1.4).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GradientError {
    /// No more rollouts than unknowns.
    #[error("{rollouts} rollouts cannot determine a gradient in {dims} action dimensions; use --rollouts {} or more", dims + 3)]
    TooFewRollouts {
        /// Rollouts with a finite return.
        rollouts: usize,
        /// Action dimensions.
        dims: usize,
    },
    /// A return or an action is not finite.
    #[error("return or action of rollout {0} is not finite; leave that rollout out of the fit")]
    NonFinite(usize),
    /// Two rollouts of a state would try the same action.
    #[error(
        "two rollouts of a state would try the same action: --std {std} is too small; use a larger one"
    )]
    RepeatedAction {
        /// Standard deviation of the perturbations.
        std: f64,
    },
}

impl Error {
    /// Says why libtorch cannot read or run a script, in the line of its message that says so; meant for `map_err`.
    pub(crate) fn script(error: tch::TchError) -> Self {
        let error = match error {
            tch::TchError::Torch(said) => said,
            other => other.to_string(),
        };
        // What follows is about libtorch itself.
        let own = |line: &&str| {
            !["Exception raised from", "frame #"].iter().any(|at| line.starts_with(at))
        };
        let said = error.lines().map(str::trim).take_while(own);
        let mut said = said.filter(|line| !line.is_empty());
        let reason = said.clone().filter(|line| line.contains("Error:")).last().or(said.next());
        Self::Script(reason.unwrap_or(&error).to_owned())
    }

    /// Wraps an I/O error with the verb and the path it belongs to; meant for `map_err`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }

    /// Says why files cannot be read as an agent.
    pub(crate) fn agent(path: &Path, reason: String) -> Self {
        Self::Agent { path: path.into(), reason }
    }

    /// Says when in training something broke, and what helps against divergence. Physics is to blame only
    /// where the action was a number, which whoever acts checks first.
    #[must_use]
    pub(crate) fn in_training(self, moment: &str, remedy: &str) -> Self {
        let (moment, remedy) = (moment.to_owned(), remedy.to_owned());
        match self {
            Self::NonFinite(what) => Self::Diverged { what, moment, remedy },
            Self::Physics { env, reason } => {
                let reason = format!(
                    "{reason}, {moment}; train with another --seed; --resume would repeat this one bit \
                     for bit"
                );
                Self::Physics { env, reason }
            }
            other => other,
        }
    }

    /// Says which checkpoint's networks gave NaN, and what helps.
    #[must_use]
    pub(crate) fn of_checkpoint(self, path: &Path) -> Self {
        match self {
            Self::NonFinite(what) => Self::NonFinite(format!(
                "{}: {what}; use an earlier checkpoint, or a smaller step of adaptation if that failed",
                path.display()
            )),
            other => other,
        }
    }
}

/// Returns what libtorch said, in one line and without the frames of its stack.
///
/// It has no error of its own for a lack of memory: what its allocators say is recognised by their words.
fn torch_message(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or(text).trim();
    refused_memory(line).map_or_else(|| format!("libtorch: {line}"), |asked| out_of_memory(&asked))
}

/// Returns how much memory was refused, if that is what these words of libtorch or of Rust's library are
/// about.
pub(crate) fn refused_memory(line: &str) -> Option<String> {
    let words = ["allocate memory", "out of memory", "bad_alloc", "capacity overflow"];
    words.iter().find(|words| line.contains(*words))?;
    let bytes = line.split("tried to allocate ").nth(1).and_then(|rest| rest.split('.').next());
    Some(bytes.unwrap_or("more memory").into())
}

/// What helps where memory is refused.
pub(crate) const ASK_FOR_LESS: &str = "lower batch, --threads or what else was set large";

/// Says that there is no memory for `asked`, such as "400 bytes", and what helps.
fn out_of_memory(asked: &str) -> String {
    format!("out of memory: the system refuses {asked}; {ASK_FOR_LESS}")
}

/// Returns what helps against an I/O error.
fn remedy(action: &str, source: &io::Error) -> &'static str {
    const ELSEWHERE: &str = "choose another place, such as another --out";
    match (action, source.kind()) {
        (_, ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            "free some space, or choose another place, such as another --out"
        }
        (_, ErrorKind::FileTooLarge) => "raise the limit on the size of files (ulimit -f)",
        (_, ErrorKind::OutOfMemory) => "free some memory",
        (_, ErrorKind::InvalidFilename) => "choose a shorter name",
        (_, _) if matches!(source.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
            "raise the limit on open files (ulimit -n)"
        }
        ("read", ErrorKind::NotFound) => "check the name",
        ("read", ErrorKind::PermissionDenied) => "check that you may read it",
        ("read", ErrorKind::IsADirectory | ErrorKind::NotADirectory) => "name a file",
        (_, ErrorKind::AlreadyExists | ErrorKind::NotADirectory) => {
            "a file is in the way: choose another --out"
        }
        (_, ErrorKind::IsADirectory) => "a folder is in the way: choose another name",
        ("lock", ErrorKind::Unsupported) => {
            "its file system has no locks: choose another place, such as another --out"
        }
        (_, ErrorKind::PermissionDenied) => {
            "make it writable, or choose another place, such as another --out"
        }
        ("read", _) => "check the disk or the network that it is on",
        _ => ELSEWHERE,
    }
}
