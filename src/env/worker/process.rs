//! One worker process: a question in, an answer out.
//!
//! A thread of its own writes and reads, so that a worker that hangs is noticed: after the time limit it is ended, with
//! all that it started. It has a process group of its own, so that Ctrl-C stops this program and not its workers;
//! they end when their input does.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::protocol::{DONE, FAILED, MOST};
use crate::error::{Error, Result};

/// How long a worker that has closed its output may take to end.
const ENDING: Duration = Duration::from_secs(1);

/// A process and the thread that speaks to it.
pub(super) struct Process {
    child: Child,
    command: String,
    limit: Duration,
    questions: Sender<Vec<u8>>,
    answers: Receiver<io::Result<Vec<u8>>>,
    /// Whether it was seen to restore states exactly.
    pub(super) checked: bool,
}

impl Process {
    /// Starts a process by a line for the shell; each of its answers may take as long as `limit`.
    pub(super) fn start(command: &str, limit: Duration) -> Result<Self> {
        let failed = |reason: &str, error: io::Error| Error::Worker {
            command: command.into(),
            reason: format!("{reason} ({error}); check that sh starts it"),
        };
        let mut child = Command::new("sh")
            .args(["-c", command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|e| failed("it cannot be started", e))?;
        let (Some(mut input), Some(mut output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::Fault("a process was started without pipes".into()));
        };
        let (questions, asked) = channel::<Vec<u8>>();
        let (answered, answers) = channel();
        let speak = move || {
            for question in asked {
                let answer = exchange(&mut input, &mut output, &question);
                let over = answer.is_err();
                if answered.send(answer).is_err() || over {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("worker".into());
        thread.spawn(speak).map_err(|e| failed("no thread could be started for it", e))?;
        Ok(Self { child, command: command.into(), limit, questions, answers, checked: false })
    }

    /// Asks, and returns the answer.
    ///
    /// # Errors
    /// [`Error::Worker`] if it has ended, hangs, says something else, or says that it cannot.
    pub(super) fn ask(&mut self, question: Vec<u8>) -> Result<Vec<u8>> {
        let kind = question.first().copied().unwrap_or_default();
        // If the thread has gone, there is no answer either.
        let _ = self.questions.send(question);
        match self.answers.recv_timeout(self.limit) {
            Ok(Ok(mut answer)) => match answer.first() {
                Some(&DONE) => Ok(answer.split_off(1)),
                Some(&FAILED) => {
                    let said = String::from_utf8_lossy(&answer[1..]);
                    Err(self.error(format!("it failed: {said}; what it printed above may say why")))
                }
                _ => Err(self.nonsense(kind, "an answer that begins with neither 0 nor 1")),
            },
            Ok(Err(e)) if e.kind() == io::ErrorKind::InvalidData => {
                Err(self.nonsense(kind, &e.to_string()))
            }
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => Err(self.ended()),
            Err(RecvTimeoutError::Timeout) => {
                self.kill();
                let limit = self.limit.as_secs_f64();
                Err(self.error(format!(
                    "it gave no answer within {limit} seconds, and was ended; raise --env-timeout if it needs longer"
                )))
            }
        }
    }

    /// Returns the error for an answer that makes no sense.
    pub(super) fn nonsense(&self, kind: u8, what: &str) -> Error {
        self.error(format!(
            "to a question of kind {kind} came {what}; see docs/worker.md, and print nothing to standard output, which \
             is for answers"
        ))
    }

    pub(super) fn error(&self, reason: String) -> Error {
        Error::Worker { command: self.command.clone(), reason }
    }

    /// Returns the error for a process that has ended.
    fn ended(&mut self) -> Error {
        let mut status = self.child.try_wait();
        for _ in 0..20 {
            if !matches!(status, Ok(None)) {
                break;
            }
            std::thread::sleep(ENDING / 20);
            status = self.child.try_wait();
        }
        let how =
            status.ok().flatten().map_or("closed its output".into(), |s| format!("ended ({s})"));
        self.error(format!("it {how} before it answered; what it printed above may say why"))
    }

    /// Returns whether it can be asked again.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it, with all that it started.
    fn kill(&mut self) {
        #[allow(unsafe_code, reason = "the standard library ends one process, not a group")]
        // SAFETY: the call takes two numbers. The group is that of a child that was not waited for, so that its number
        // is of no other.
        if let (Ok(group), Ok(None)) = (i32::try_from(self.child.id()), self.child.try_wait()) {
            let _ = unsafe { libc::kill(-group, libc::SIGKILL) };
            let _ = self.child.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Writes a question and reads the answer, each after its length.
fn exchange(to: &mut impl Write, from: &mut impl Read, question: &[u8]) -> io::Result<Vec<u8>> {
    let length = (question.len() as u32).to_le_bytes();
    to.write_all(&[&length, question].concat())?;
    to.flush()?;
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MOST {
        let reason = format!("an answer of {length} bytes, more than {MOST}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    let mut answer = vec![0; length];
    from.read_exact(&mut answer)?;
    Ok(answer)
}
