//! `cosine` in lab mode: κ, gain and inside, by banks of rollouts.

use std::ops::ControlFlow;

use serde::Serialize;

use super::super::finding::{self, Source};
use super::super::output::origins;
use super::super::program::Done;
use super::super::progress::Progress;
use super::super::terminal;
use super::args::{CosineArgs, CosineCommand, command_line};
use super::track;
use crate::analysis::bank::BankFile;
use crate::analysis::measure::kept::{Keeper, UNITS};
use crate::analysis::measure::policy_cosine::{self, Judged};
use crate::checkpoint::Checkpoint;
use crate::checkpoint::lock::Lock;
use crate::error::Result;
use crate::gradient::Settings;
use crate::report::direction::Direction;
use crate::report::policy_cosine::{answers, finding, table};

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'j> {
    checkpoints: Vec<Line<'j>>,
}

/// One checkpoint.
#[derive(Serialize)]
struct Line<'j> {
    path: String,
    direction: Direction,
    #[serde(flatten)]
    judged: &'j Judged,
}

const TITLE: &str = "Does the critic's gradient point uphill?";

pub(super) fn run(
    args: &CosineArgs,
    settings: &Settings,
    checkpoints: &[Checkpoint],
    doubts: Vec<String>,
) -> Result<Done> {
    let given = args.bank.as_deref().map(BankFile::read).transpose()?;
    let settings = &given.as_ref().map_or_else(
        || settings.clone(),
        |file| Settings { judged: settings.judged, ..file.settings() },
    );
    for checkpoint in checkpoints {
        match &given {
            Some(file) => policy_cosine::check_bank(checkpoint, file)?,
            None => policy_cosine::check(checkpoint, settings)?,
        }
    }
    let runs = args.track.then(|| track::runs(checkpoints)).transpose()?;
    let out = args.folder(CosineCommand::Cosine);
    let workers = args.threads.workers()?;
    let _lock = Lock::folder(&out)?;
    let units = out.parent().unwrap_or(&out).join(UNITS);
    let progress = Progress::new(checkpoints.len(), "checkpoints");
    let keeper = Keeper { units: &units, workers: &workers, listener: &progress };
    let judged = match &given {
        Some(file) => {
            let judged = checkpoints.iter().map(|c| policy_cosine::judged(c, settings, file));
            ControlFlow::Continue(judged.collect::<Result<_>>()?)
        }
        None => keeper.judged(checkpoints, settings)?,
    };
    let all: Vec<Judged> = match judged {
        ControlFlow::Continue(all) => all,
        ControlFlow::Break(stopped) => return Ok(progress.stopped(stopped)),
    };
    progress.bar.finish_and_clear();
    if let Some(runs) = runs {
        track::write(&runs, checkpoints, &all)?;
    }
    let finding = finding(&all, settings).doubted(doubts);
    let finding = if finding::of_critics(checkpoints) { finding.in_updates() } else { finding };
    let command = command_line(CosineCommand::Cosine, args, settings, &out);
    let source = Source::of_checkpoints(&command, origins(checkpoints)).with(settings)?;
    let answers = answers(&all);
    finding::write_answered(&out, TITLE, &answers, &finding, &source)?;
    if args.json {
        let lines = checkpoints.iter().zip(&all).map(|(checkpoint, judged)| Line {
            path: checkpoint.path().display().to_string(),
            direction: Direction::of(judged),
            judged,
        });
        terminal::print_json(&Json { checkpoints: lines.collect() })?;
    } else {
        terminal::print_answers(&answers, &table(&all))?;
    }
    terminal::warn(&finding.warnings);
    terminal::note!("wrote {}", out.join("report.md").display());
    Ok(Done::Finished)
}
