//! The flags of `cosine`, `self-check` and `learnable`, and what they ask for.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::super::agent::AgentArgs;
use super::super::output::shell_words;
use super::super::settings::whole;
use super::super::threads::Threads;
use crate::analysis::measure::cosine::Against;
use crate::analysis::measure::subject::{Subject, with_source};
use crate::checkpoint::Checkpoint;
use crate::env::TaskList;
use crate::error::{Error, Result};
use crate::gradient::{Adaptive, Judged, Mode, Returns, Settings, StatesFrom};
use crate::report::cosine::Question;
use crate::study::spec::{Draw, Facet, Panel};

/// Tasks of each list, unless asked otherwise.
const TASKS: usize = 4;

/// States of a self-check in lab mode, unless asked otherwise.
const STATES_OF_OWN: usize = 30;

/// States of each list of tasks in lab mode, unless asked otherwise: 30 of each task.
const STATES_IN_TASKS: usize = 120;

/// Which of the three commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum CosineCommand {
    Cosine,
    SelfCheck,
    Learnable,
}

impl CosineCommand {
    fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::SelfCheck => "self-check",
            Self::Learnable => "learnable",
        }
    }

    pub(super) fn against(self) -> Against {
        if self == Self::SelfCheck { Against::OwnValues } else { Against::Returns }
    }

    pub(super) fn question(self) -> Question {
        if self == Self::Learnable { Question::Shares } else { Question::Mean }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Cosine => "Agreement of critic and true action gradient",
            Self::SelfCheck => "Agreement of the critic's gradient with a fit to its own values",
            Self::Learnable => "Learnable states",
        }
    }

    pub(super) fn panels(self) -> Vec<Panel> {
        let panel = |draw, tau, facet| Panel { draw, tau, window: 1, facet };
        match self {
            Self::Cosine | Self::SelfCheck => {
                vec![panel(Draw::MeanByStep, None, Facet::Environment)]
            }
            Self::Learnable => vec![
                panel(Draw::LearnableByThreshold, None, Facet::Pooled),
                panel(Draw::LearnableByStep, Some(0.25), Facet::Pooled),
                panel(Draw::LearnableByStep, Some(0.75), Facet::Pooled),
            ],
        }
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CosineArgs {
    /// Checkpoints, runs, or quoted patterns of either
    #[arg(long = "ckpt", value_name = "PATH", required = true, num_args = 1..)]
    pub(super) checkpoints: Vec<PathBuf>,
    /// Rollouts that `hyperl-analyze bank` made of the same policy, in place of new ones
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mode", "states", "rollouts", "blocks",
        "half_width", "max_states", "std", "horizon", "states_from", "returns", "seed"])]
    pub(super) bank: Option<PathBuf>,
    /// Which estimator: ours, App. B as printed, or the authors' script [lab, paper, as-released; default: lab,
    /// paper where --rollouts is given]
    #[arg(long)]
    mode: Option<Mode>,
    /// States of each checkpoint [default: 15; in lab mode 100 to 300, as many as the interval needs, and 30 in
    /// a self-check, which has no noise to average; PEARL in lab mode: 120 of each list of tasks]
    #[arg(long)]
    states: Option<usize>,
    /// Rollouts of each state, not in lab mode; without --mode this asks for the paper's
    /// [default: 15]
    #[arg(long)]
    rollouts: Option<usize>,
    /// Independent blocks of rollouts in lab mode [default: 4]
    #[arg(long)]
    blocks: Option<usize>,
    /// In lab mode, draw states until the interval of κ is ± this [default: 0.1]
    #[arg(long, allow_negative_numbers = true)]
    half_width: Option<f64>,
    /// In lab mode, states after which to give that up [default: 300]
    #[arg(long)]
    max_states: Option<usize>,
    /// Size of the perturbations: in lab mode before tanh, else in action half-ranges
    #[arg(long, default_value_t = 0.3, allow_negative_numbers = true)]
    std: f64,
    /// Steps of a rollout [default: in lab mode chosen by a pilot; else the first with γʰ < 0.001; as released:
    /// to the time limit]
    #[arg(long)]
    horizon: Option<u32>,
    /// Where the states come from [replay, policy; default: replay; as released, and PEARL: policy]
    #[arg(long)]
    states_from: Option<StatesFrom>,
    /// Which value is judged: the first critic, the smaller of both, or their mean [q1, min, mean; default: the one
    /// that the algorithm's actor climbs, q1 for TD3, min for SAC and PEARL, mean for TQC]
    #[arg(long)]
    value: Option<Judged>,
    /// Which return it is compared with: rewards, or with the entropy of the policy's later actions
    /// [hard, soft; default: what its critics estimate, hard for TD3 and soft for SAC and PEARL]
    #[arg(long)]
    returns: Option<Returns>,
    /// PEARL: tasks of each list, the first ones [default: 4, or as many as there are]
    #[arg(long)]
    tasks: Option<usize>,
    /// PEARL: which list of tasks, or both and their difference [default: both]
    #[arg(long, value_enum)]
    split: Option<SplitName>,
    /// Seed of states and perturbations
    #[arg(long, default_value_t = 0, value_parser = whole)]
    seed: u64,
    #[command(flatten)]
    pub(super) threads: Threads,
    /// Folder of tables and figures [default: reports/COMMAND]
    #[arg(long)]
    out: Option<PathBuf>,
    /// In lab mode, write κ, gain and inside as events for TensorBoard too, in RUN/tensorboard/gradient
    #[arg(long)]
    pub(super) track: bool,
    /// Print the summary as JSON to standard output
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) agent: AgentArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SplitName {
    Train,
    Test,
    Both,
}

impl CosineArgs {
    fn mode(&self) -> Mode {
        let unset = if self.rollouts.is_some() { Mode::Paper } else { Mode::Lab };
        self.mode.unwrap_or(unset)
    }

    /// Returns what is measured, and how. Checkpoints of PEARL are measured in tasks of each list, at states of the
    /// policy, a fixed number of them by default.
    ///
    /// # Errors
    /// [`Error::Usage`] for flags that are not about these checkpoints, and for more tasks than there are.
    pub(super) fn subjects<'c>(
        &self,
        checkpoints: &'c [Checkpoint],
        mut settings: Settings,
    ) -> Result<(Vec<Subject<'c>>, Settings)> {
        if checkpoints.iter().all(|checkpoint| checkpoint.pearl().is_err()) {
            if self.tasks.is_some() || self.split.is_some() {
                return Err(Error::Usage(
                    "--tasks and --split are for checkpoints of PEARL; drop them for these".into(),
                ));
            }
            let settings = with_source(settings, checkpoints)?;
            return Ok((checkpoints.iter().map(Subject::plain).collect(), settings));
        }
        settings.states_from = settings.states_from.or(Some(StatesFrom::Policy));
        if settings.adaptive.is_some() && !self.adapts() {
            (settings.states, settings.adaptive) = (STATES_IN_TASKS, None);
        }
        let mut subjects = Vec::new();
        for checkpoint in checkpoints {
            for list in self.lists() {
                let there = checkpoint.tasks(*list).len();
                let count = self.tasks.unwrap_or(TASKS.min(there));
                subjects.push(Subject::in_tasks(checkpoint, *list, count)?);
            }
        }
        Ok((subjects, settings))
    }

    pub(super) fn folder(&self, which: CosineCommand) -> PathBuf {
        self.out.clone().unwrap_or_else(|| Path::new("reports").join(which.name()))
    }

    fn lists(&self) -> &'static [TaskList] {
        match self.split.unwrap_or(SplitName::Both) {
            SplitName::Train => &[TaskList::Train],
            SplitName::Test => &[TaskList::Test],
            SplitName::Both => &[TaskList::Train, TaskList::Test],
        }
    }

    fn adapts(&self) -> bool {
        self.half_width.is_some() || self.max_states.is_some()
    }

    /// Returns the settings that the flags ask for.
    ///
    /// # Errors
    /// [`Error::Usage`] for flags that contradict each other.
    pub(super) fn settings(&self, which: CosineCommand) -> Result<Settings> {
        let mode = self.mode();
        let adapts = self.adapts();
        if self.bank.is_some() && which != CosineCommand::Cosine {
            return Err(Error::Usage("--bank is for hyperl-analyze cosine; drop it here".into()));
        }
        if mode == Mode::Lab && self.rollouts.is_some() {
            let instead = "--rollouts contradicts --mode lab, whose rollouts come in blocks; use \
                           --blocks or --mode paper";
            return Err(Error::Usage(instead.into()));
        }
        if self.states.is_some() && adapts {
            let instead = "--states asks for a fixed number, --half-width and --max-states for as \
                           many as it takes; drop one";
            return Err(Error::Usage(instead.into()));
        }
        let base = if mode == Mode::Lab { Settings::lab() } else { Settings::default() };
        let Adaptive { half_width, max_states } = Adaptive::default();
        let adaptive = Adaptive {
            half_width: self.half_width.unwrap_or(half_width),
            max_states: self.max_states.unwrap_or(max_states),
        };
        let fixed = self.states.is_some() || which == CosineCommand::SelfCheck;
        let wanted = if fixed { None } else { base.adaptive.map(|_| adaptive) };
        Settings {
            mode,
            states: self.states.unwrap_or(match which {
                CosineCommand::SelfCheck if mode == Mode::Lab => STATES_OF_OWN,
                _ => base.states.min(adaptive.max_states.max(1)),
            }),
            rollouts: self.rollouts.unwrap_or(base.rollouts),
            blocks: self.blocks,
            adaptive: if adapts { Some(adaptive) } else { wanted },
            std: self.std,
            horizon: self.horizon,
            states_from: self.states_from,
            judged: self.value,
            returns: self.returns,
            seed: self.seed,
            ..base
        }
        .validated()
    }
}

/// Returns the command that does the same again, with all settings that matter.
pub(super) fn command_line(
    which: CosineCommand,
    args: &CosineArgs,
    settings: &Settings,
    out: &Path,
) -> String {
    let (name, checkpoints) = (which.name(), shell_words(&args.checkpoints));
    let mut text = format!("hyperl-analyze {name} --ckpt {checkpoints}");
    let mut given = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(text, " --{flag} {value}");
        }
    };
    given("bank", args.bank.as_ref().map(|bank| shell_words(&[bank])));
    // A bank has them already.
    let made = args.bank.is_none();
    given("mode", made.then(|| settings.mode.name().to_owned()));
    given("std", made.then(|| args.std.to_string()));
    given("seed", made.then(|| args.seed.to_string()));
    given("states", args.states.map(|n| n.to_string()));
    given("rollouts", args.rollouts.map(|n| n.to_string()));
    given("blocks", args.blocks.map(|n| n.to_string()));
    given("half-width", args.half_width.map(|x| x.to_string()));
    given("max-states", args.max_states.map(|n| n.to_string()));
    given("horizon", args.horizon.map(|n| n.to_string()));
    given("tasks", args.tasks.map(|n| n.to_string()));
    let split = args.split.and_then(|split| split.to_possible_value());
    given("split", split.map(|value| value.get_name().to_owned()));
    given("states-from", args.states_from.map(|source| source.to_string()));
    given("value", settings.judged.map(|judged| judged.to_string()));
    given("returns", settings.returns.map(|returns| returns.to_string()));
    text += &args.agent.flags();
    text + " --out " + &shell_words(&[out])
}
