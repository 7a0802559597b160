//! Banks as Parquet files that other programs can read (`docs/estimator.md` §8.6).
//!
//! A row is a pair of rollouts. The file's metadata hold, under `hyperl`, what the bank is of, as JSON
//! ([`About`]).

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use polars::prelude::{
    Column, DataFrame, KeyValueMetadata, NamedFrom, ParquetReader, ParquetWriter, SerReader, Series,
};
use serde::{Deserialize, Serialize};

use super::sealed;
use crate::checkpoint::disk;
use crate::env::Snapshot;
use crate::error::{Error, Result};
use crate::gradient::bank::{Bank, BankState, Plan, Tried};
use crate::gradient::horizon::{Candidate, Choice};
use crate::gradient::pairs::{Around, Pair};
use crate::gradient::{Mode, Settings, StatesFrom};

/// Key of the metadata.
const KEY: &str = "hyperl";

/// Key of the file's hash.
const SEAL: &str = "hyperl.sha256";

/// The two rollouts of a pair, as columns name them.
const SIDES: [&str; 2] = ["plus", "minus"];

/// What a bank is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Always [`About::FORMAT`].
    pub hyperl_bank: u32,
    /// Environment.
    pub env: String,
    /// Run whose policy was followed.
    pub run: String,
    /// Its step.
    pub step: u64,
    /// Hash of its checkpoint.
    pub checkpoint: String,
    /// Hash of the policy's weights.
    pub policy: String,
    /// Discount factor γ of the returns.
    pub gamma: f64,
    /// Factor on rewards.
    pub reward_scale: f64,
    /// What a unit of entropy adds to a reward; 0 for hard returns.
    pub entropy: f64,
    /// How it was made.
    pub plan: Plan,
    /// Where its states come from, if that was set; else training visited them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub states_from: Option<StatesFrom>,
    /// How its horizon was chosen.
    pub choice: Choice,
    /// What a pilot said of shorter horizons; empty if none was made.
    pub pilot: Vec<Candidate>,
}

impl About {
    /// Version of the layout that this program writes.
    pub const FORMAT: u32 = 2;
}

/// A bank and what it is of.
#[derive(Debug, Clone, PartialEq)]
pub struct BankFile {
    /// What it is of.
    pub about: About,
    /// The rollouts; its plan is that of `about`.
    pub bank: Bank,
}

/// A row of the table.
struct Row<'b> {
    number: u64,
    state: &'b BankState,
    tried: &'b Tried,
    actions: [Vec<f64>; 2],
}

impl BankFile {
    /// Returns the settings that it was made with.
    pub fn settings(&self) -> Settings {
        let Plan { blocks, std, horizon, seed, .. } = self.about.plan;
        let (states, blocks, horizon) = (self.bank.states.len(), Some(blocks), Some(horizon));
        let states_from = self.about.states_from;
        let base = Settings { mode: Mode::Lab, states_from, ..Settings::default() };
        Settings { states, blocks, std, horizon, seed, ..base }
    }

    /// Returns the bytes of the file.
    ///
    /// # Errors
    /// [`Error::Table`] if polars refuses.
    pub fn to_parquet(&self) -> Result<Vec<u8>> {
        self.with_metadata(Vec::new())
    }

    /// Returns the bytes of the file with further metadata.
    pub(super) fn with_metadata(&self, mut more: Vec<(String, String)>) -> Result<Vec<u8>> {
        more.extend([(KEY.into(), json(&self.about)?), (SEAL.into(), sealed::blank())]);
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes)
            .with_key_value_metadata(Some(KeyValueMetadata::from_static(more)))
            .finish(&mut self.frame()?)?;
        sealed::seal(&mut bytes);
        Ok(bytes)
    }

    /// Returns a hash of all that the bank holds.
    pub(super) fn digest(&self) -> Result<String> {
        let mut bytes = json(&self.about)?.into_bytes();
        let mut add = |numbers: &[f64]| {
            bytes.extend_from_slice(&(numbers.len() as u64).to_le_bytes());
            bytes.extend(numbers.iter().flat_map(|x| x.to_bits().to_le_bytes()));
        };
        for BankState { snapshot, obs, before_tanh, tried, episode } in &self.bank.states {
            add(&episode.map_or(Vec::new(), |episode| vec![f64::from_bits(episode)]));
            for numbers in [&snapshot.0, obs, before_tanh] {
                add(numbers);
            }
            for Tried { pair, returns, partial: [plus, minus] } in tried {
                add(&[f64::from(pair.around as u8), pair.block as f64, pair.length]);
                for numbers in [&pair.direction[..], returns, plus, minus] {
                    add(numbers);
                }
            }
        }
        Ok(disk::hash(&bytes))
    }

    fn frame(&self) -> Result<DataFrame> {
        let Plan { std, marks, .. } = &self.bank.plan;
        let mut rows = Vec::new();
        for (number, state) in (0..).zip(&self.bank.states) {
            for tried in &state.tried {
                let centre = tried.pair.around.centre(&state.before_tanh, *std);
                rows.push(Row { number, state, tried, actions: tried.pair.actions(&centre) });
            }
        }
        let Some(Row { state: first, .. }) = rows.first() else {
            return Err(Error::Table("a bank without rollouts".into()));
        };
        let whole = |of: fn(&Row) -> u64| rows.iter().map(of).collect::<Vec<u64>>();
        let episodes: Vec<Option<u64>> = rows.iter().map(|row| row.state.episode).collect();
        let around: Vec<&str> = rows.iter().map(|row| row.tried.pair.around.name()).collect();
        let mut columns: Vec<Column> = vec![
            Series::new("state".into(), whole(|row| row.number)).into(),
            Series::new("episode".into(), episodes).into(),
            Series::new("around".into(), around).into(),
            Series::new("block".into(), whole(|row| row.tried.pair.block as u64)).into(),
        ];
        let mut add = |name: String, of: &dyn Fn(&Row) -> f64| {
            let values: Vec<f64> = rows.iter().map(of).collect();
            columns.push(Series::new(name.into(), values).into());
        };
        add("length".into(), &|row| row.tried.pair.length);
        for (side, sign) in SIDES.into_iter().enumerate() {
            add(format!("return_{sign}"), &|row| row.tried.returns[side]);
            for (i, mark) in marks.iter().enumerate() {
                add(format!("return_{sign}_{mark}"), &|row| row.tried.partial[side][i]);
            }
        }
        let dims = first.before_tanh.len();
        for j in 0..dims {
            add(format!("direction_{j}"), &|row| row.tried.pair.direction[j]);
        }
        for j in 0..dims {
            add(format!("before_tanh_{j}"), &|row| row.state.before_tanh[j]);
        }
        for (side, sign) in SIDES.into_iter().enumerate() {
            for j in 0..dims {
                add(format!("action_{sign}_{j}"), &|row| row.actions[side][j]);
            }
        }
        for j in 0..first.obs.len() {
            add(format!("obs_{j}"), &|row| row.state.obs[j]);
        }
        for j in 0..first.snapshot.0.len() {
            add(format!("snapshot_{j}"), &|row| row.state.snapshot.0[j]);
        }
        Ok(DataFrame::new(rows.len(), columns)?)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Usage`] naming the file if it is no bank of this version.
    pub fn read(path: &Path) -> Result<Self> {
        let named = |e: Error| match e {
            Error::Table(why) => Error::Usage(format!("{}: {why}", path.display())),
            other => other,
        };
        Ok(Self::with_further(disk::read(path)?, "").map_err(named)?.0)
    }

    /// Reads the bytes of a file that is known to be whole.
    ///
    /// # Errors
    /// [`Error::Table`] if it is no bank of this version, or not what its metadata say.
    pub(crate) fn of_parquet(bytes: Vec<u8>) -> Result<Self> {
        Ok(Self::decoded(bytes, "")?.0)
    }

    /// Reads the bytes of a file, and the metadata under a further key, if there are any.
    ///
    /// # Errors
    /// [`Error::Table`] if it is no bank of this version, is damaged, or not what its metadata say.
    pub(super) fn with_further(bytes: Vec<u8>, key: &str) -> Result<(Self, Option<String>)> {
        if !bytes.starts_with(b"PAR1") {
            return Err(no_bank("no Parquet file"));
        }
        sealed::flaw(&bytes).map_or(Ok(()), |flaw| Err(no_bank(flaw)))?;
        Self::decoded(bytes, key)
    }

    fn decoded(bytes: Vec<u8>, key: &str) -> Result<(Self, Option<String>)> {
        let mut reader = ParquetReader::new(Cursor::new(bytes));
        let metadata = reader.get_metadata()?.key_value_metadata().clone().unwrap_or_default();
        let mut metadata: BTreeMap<String, String> =
            metadata.into_iter().filter_map(|pair| Some((pair.key, pair.value?))).collect();
        let frame = reader.finish()?;
        let about =
            metadata.remove(KEY).ok_or_else(|| no_bank("its metadata has no key 'hyperl'"))?;
        let Version { hyperl_bank } =
            serde_json::from_str(&about).map_err(|e| no_bank(&e.to_string()))?;
        if hyperl_bank != About::FORMAT {
            return Err(no_bank(&format!(
                "version {hyperl_bank}, this reads {}; make it again",
                About::FORMAT
            )));
        }
        let about: About = serde_json::from_str(&about).map_err(|e| no_bank(&e.to_string()))?;
        let bank = Bank { plan: about.plan.clone(), states: states(&frame, &about.plan)? };
        if let Some(flaw) = bank.flaw() {
            return Err(no_bank(&format!("{flaw}; make it again")));
        }
        Ok((Self { about, bank }, metadata.remove(key)))
    }
}

/// The one field that every version has.
#[derive(Deserialize)]
struct Version {
    hyperl_bank: u32,
}

/// Returns plain data as JSON, in one line.
pub(super) fn json(data: &impl Serialize) -> Result<String> {
    serde_json::to_string(data).map_err(|e| Error::Table(e.to_string()))
}

fn no_bank(why: &str) -> Error {
    Error::Table(format!("not a bank of hyperl-analyze bank: {why}"))
}

/// Columns of one frame.
struct Columns<'f>(&'f DataFrame);

impl Columns<'_> {
    fn reals(&self, name: &str) -> Result<Vec<f64>> {
        Ok(self.0.column(name)?.f64()?.iter().map(|x| x.unwrap_or(f64::NAN)).collect())
    }

    fn numbers(&self, name: &str) -> Result<Vec<Option<u64>>> {
        Ok(self.0.column(name)?.u64()?.iter().collect())
    }

    fn whole(&self, name: &str) -> Result<Vec<u64>> {
        let all: Option<Vec<u64>> = self.numbers(name)?.into_iter().collect();
        all.ok_or_else(|| no_bank(&format!("an empty {name}")))
    }

    /// The columns `name_0`, `name_1` and so on.
    fn family(&self, name: &str) -> Result<Vec<Vec<f64>>> {
        let there = |j: &usize| self.0.column(&format!("{name}_{j}")).is_ok();
        (0..).take_while(there).map(|j| self.reals(&format!("{name}_{j}"))).collect()
    }

    /// Returns on one side: at the end and after each mark.
    fn returns(&self, sign: &str, marks: &[u32]) -> Result<(Vec<f64>, Vec<Vec<f64>>)> {
        let partial = marks.iter().map(|mark| self.reals(&format!("return_{sign}_{mark}")));
        Ok((self.reals(&format!("return_{sign}"))?, partial.collect::<Result<_>>()?))
    }
}

fn states(frame: &DataFrame, plan: &Plan) -> Result<Vec<BankState>> {
    let columns = Columns(frame);
    let (numbers, blocks) = (columns.whole("state")?, columns.whole("block")?);
    let (observations, before) = (columns.family("obs")?, columns.family("before_tanh")?);
    let snapshots = columns.family("snapshot")?;
    let (directions, lengths) = (columns.family("direction")?, columns.reals("length")?);
    let [plus, minus] = SIDES.map(|sign| columns.returns(sign, &plan.marks));
    let sides = [plus?, minus?];
    let place = |name: Option<&str>| {
        name.unwrap_or_default().parse().map_err(|e: Error| Error::Table(e.to_string()))
    };
    let around: Vec<Around> =
        frame.column("around")?.str()?.iter().map(place).collect::<Result<_>>()?;
    let episodes = columns.numbers("episode")?;
    let row_of = |family: &[Vec<f64>], row: usize| family.iter().map(|c| c[row]).collect();
    let mut states: Vec<BankState> = Vec::new();
    for row in 0..frame.height() {
        if numbers[row] == states.len() as u64 {
            let (obs, before_tanh) = (row_of(&observations, row), row_of(&before, row));
            let snapshot = Snapshot(row_of(&snapshots, row));
            let (episode, tried) = (episodes[row], Vec::new());
            states.push(BankState { snapshot, episode, obs, before_tanh, tried });
        }
        let last = states.len().checked_sub(1).filter(|last| numbers[row] == *last as u64);
        let last = last.ok_or_else(|| no_bank("its states are not in order"))?;
        let pair = Pair {
            around: around[row],
            block: blocks[row] as usize,
            direction: row_of(&directions, row),
            length: lengths[row],
        };
        let returns = [0, 1].map(|side: usize| sides[side].0[row]);
        let partial = [0, 1].map(|side: usize| row_of(&sides[side].1, row));
        states[last].tried.push(Tried { pair, returns, partial });
    }
    Ok(states)
}
