//! How the C library's allocator, from which tensors come, deals with memory that is freed.
//!
//! Left alone it gives a large block back to the system at once and asks for it again at the next training
//! step, where each of its pages is fetched, and cleared, anew. An update of PEARL (16 tasks × 256 rows,
//! plain networks) met some 7000 such pages, a sixth of its time on two workers.

use crate::error::{Error, Result};

/// Bytes of address space that must be left at the start.
const ROOM: u64 = 256 << 20;

/// Fails where a limit on the address space (`ulimit -v`) leaves next to nothing.
///
/// A product of libtorch that is refused the memory in which it packs its factors computes without it and says
/// nothing: its last bits are others then, so that equal seeds would not give equal weights.
///
/// # Errors
/// [`Error::Usage`] saying how much is left.
pub fn check_room() -> Result<()> {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    #[allow(unsafe_code, reason = "limits of a process have no safe form")]
    // SAFETY: it fills in the two numbers of `limit`, or leaves them as they are.
    let _ = unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) };
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages.split(' ').next().and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0);
    #[allow(unsafe_code, reason = "numbers of the system have no safe form")]
    // SAFETY: it reads a number of the system, and touches no memory of ours.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let left = limit.rlim_cur.saturating_sub(pages.saturating_mul(page.unsigned_abs()));
    if limit.rlim_cur == libc::RLIM_INFINITY || left >= ROOM {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "out of memory: the limit on address space (ulimit -v) leaves {} MiB at the start, at least {} MiB are needed; raise it",
        left >> 20,
        ROOM >> 20
    )))
}

/// Makes the allocator keep freed memory for the next tensor: for programs, at their start.
///
/// The process then stays as large as it once was. Blocks above 32 MiB still go back. Where the C library is
/// not glibc nothing changes.
pub fn keep_freed() {
    #[cfg(target_env = "gnu")]
    {
        const MIB: i32 = 1 << 20;
        // An arena of a thread grows in heaps of 64 MiB. One that is empty goes back unless so much
        // must be left on top; the end of one that is not goes back above the threshold.
        let settings = [
            (libc::M_MMAP_THRESHOLD, 32 * MIB),
            (libc::M_TRIM_THRESHOLD, i32::MAX),
            (libc::M_TOP_PAD, 64 * MIB),
        ];
        for (name, bytes) in settings {
            #[allow(unsafe_code, reason = "settings of the C library have no safe form")]
            // SAFETY: it takes two numbers and changes how later calls behave, not what they mean.
            // Its answer is no check: some versions say 1 to everything. Page faults tell.
            let _ = unsafe { libc::mallopt(name, bytes) };
        }
    }
}
