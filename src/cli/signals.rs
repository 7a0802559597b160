//! Signals that ask for a stop: SIGINT (Ctrl-C), SIGTERM, SIGHUP (the terminal is gone), SIGUSR1 (a batch
//! system warns).
//!
//! A command that can save says so ([`save_and_stop`]) and asks at its safe points whether it should stop;
//! any other ends at once. A signal that was ignored when the program started, as `nohup` has it, stays
//! ignored.
//!
//! One wish often comes as several signals: `timeout` sends one to the program and one to its group. So
//! repeats within two seconds count once; a later one ends the program at once. That runs no destructors,
//! for workers may be computing with what those would free.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

use super::terminal::note;
use crate::error::{Error, Result};

/// Exit code after a signal that ended the program without saving.
pub(super) const UNSAVED: u8 = 131;

/// A signal that comes within this time of the first one is the same wish.
const SAME_WISH: Duration = Duration::from_secs(2);

/// The command asks for stops and saves.
static SAVES: AtomicBool = AtomicBool::new(false);

/// A signal asked for a stop.
static STOP: AtomicBool = AtomicBool::new(false);

/// Starts the thread that answers signals.
pub(super) fn watch() -> Result<()> {
    let refused = |e: std::io::Error| Error::Usage(format!("cannot watch for signals: {e}"));
    let watched = [SIGINT, SIGTERM, SIGHUP, SIGUSR1].into_iter().filter(|s| !is_ignored(*s));
    let mut signals = Signals::new(watched).map_err(refused)?;
    let answer = move || {
        let mut first: Option<Instant> = None;
        for _ in signals.forever() {
            if !SAVES.load(Ordering::SeqCst) {
                leave("stopped before the end; start it again");
            }
            match first {
                None => {
                    first = Some(Instant::now());
                    STOP.store(true, Ordering::SeqCst);
                    say(
                        "\nstopping at the next safe point; once more after two seconds to stop at once",
                    );
                }
                Some(first) if first.elapsed() < SAME_WISH => {}
                Some(_) => leave("stopped at once; what came after the last save is lost"),
            }
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(answer).map_err(refused)?;
    Ok(())
}

/// Returns whether the program was started with a signal ignored.
#[allow(unsafe_code, reason = "how a signal is dealt with has no safe form")]
fn is_ignored(signal: i32) -> bool {
    // SAFETY: all zeros are a valid `sigaction`, a plain struct of C, which the call then fills; without a
    // new action it changes nothing.
    let (asked, present) = unsafe {
        let mut present: libc::sigaction = std::mem::zeroed();
        (libc::sigaction(signal, std::ptr::null(), &raw mut present), present)
    };
    asked == 0 && present.sa_sigaction == libc::SIG_IGN
}

/// Says something without waiting for a reader; the channel closes when it is said.
fn say(words: &'static str) -> Receiver<()> {
    let (unsaid, said) = channel::<()>();
    let speak = move || {
        note!("{words}");
        drop(unsaid);
    };
    // Without a thread nothing is said, and the stop goes on.
    let _ = std::thread::Builder::new().spawn(speak);
    said
}

/// Ends the program at once.
fn leave(words: &'static str) -> ! {
    let _ = say(words).recv_timeout(Duration::from_secs(1));
    signal_hook::low_level::exit(i32::from(UNSAVED))
}

/// Lets signals ask for a stop; the command then has to look for them with [`stop_asked`].
pub(super) fn save_and_stop() {
    SAVES.store(true, Ordering::SeqCst);
}

pub(super) fn stop_asked() -> bool {
    STOP.load(Ordering::SeqCst)
}
