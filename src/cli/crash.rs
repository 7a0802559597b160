//! What a program says when it cannot go on: for lack of memory, or by a fault of its own.
//!
//! Either is one line and exit code 3, as all errors are. `RUST_BACKTRACE=1` shows the frames of a fault.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write as _;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::{ASK_FOR_LESS, Error, Result, refused_memory};

/// Exit code of usage and data errors.
pub(super) const USAGE: u8 = 3;

/// What the first thread that panicked said; others follow from it.
static FIRST: Mutex<Option<Error>> = Mutex::new(None);

/// Runs a program; a panic, in a worker too, becomes its error.
pub(super) fn guarded<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    crate::env::end_by(of_mujoco);
    foreign::say_why_it_ends();
    let frames = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        let error = error(panicked);
        let wanted = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
        if wanted && matches!(error, Error::Fault(_)) {
            frames(panicked);
        }
        FIRST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }));
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let first = FIRST.lock().unwrap_or_else(PoisonError::into_inner).take();
        Err(first.unwrap_or_else(|| Error::Fault("it ended without a word".into())))
    })
}

/// Ends the program with an exit code, and without what C libraries do at an end: all is written by then, and where
/// memory is short `OpenBLAS` waits there for threads that never began.
pub(super) fn leave(code: u8) -> ! {
    // `printed` has said what could not be written.
    let _ = std::io::stdout().flush();
    #[allow(unsafe_code, reason = "Rust's own way of ending runs what libraries do at an end")]
    // SAFETY: it runs nothing of this process.
    unsafe {
        libc::_exit(i32::from(code))
    }
}

/// Returns what a panic is about. That of a failed operation of libtorch holds 40 frames, with `\n` written
/// out between them.
fn error(panicked: &PanicHookInfo) -> Error {
    let place = panicked.location().map_or_else(String::new, ToString::to_string);
    error_of(panicked.payload_as_str().unwrap_or("a panic without words"), &place)
}

fn error_of(text: &str, place: &str) -> Error {
    let line = text.lines().next().unwrap_or(text);
    let line = line.split("\\n").next().unwrap_or(line);
    if let Some(asked) = refused_memory(line) {
        return Error::OutOfMemory(asked);
    }
    if line.contains("spawn thread") {
        return Error::Usage("the system refuses another thread; lower --threads".into());
    }
    Error::Fault(format!("{line} ({place})"))
}

/// The allocator of both programs: the system's, except that a lack of memory is an error like others.
/// Rust's own answer is to abort.
struct OrSaySo;

#[cfg_attr(not(test), global_allocator)]
#[cfg_attr(test, expect(dead_code, reason = "unit tests count what is allocated"))]
static ALLOCATOR: OrSaySo = OrSaySo;

#[allow(unsafe_code, reason = "an allocator has no safe form")]
// SAFETY: all is handed on to the system's allocator, whose answer is returned as it is.
unsafe impl GlobalAlloc for OrSaySo {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { given(System.alloc(layout), layout.size()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe { given(System.alloc_zeroed(layout), layout.size()) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe { given(System.realloc(block, layout, size), size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}

/// Returns the block, or ends the program where there is none.
fn given(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() {
        no_memory(size);
    }
    block
}

/// Says that memory was refused, and ends the program.
#[cold]
fn no_memory(size: usize) -> ! {
    end(format_args!("error: out of memory: the system refuses {size} bytes; {ASK_FOR_LESS}\n"))
}

/// Writes the last words without asking for memory, and ends the program. What is on disk is whole at any moment.
fn end(words: std::fmt::Arguments) -> ! {
    const LENGTH: usize = 300;
    static ENDING: AtomicBool = AtomicBool::new(false);
    if ENDING.swap(true, Ordering::Relaxed) {
        loop {
            #[allow(unsafe_code, reason = "Rust's own ways of waiting may ask for memory")]
            // SAFETY: it waits, until the thread that says it ends this one.
            unsafe {
                libc::pause();
            }
        }
    }
    let mut text = [0; LENGTH];
    let mut rest = &mut text[..];
    // It fits, and would be cut if it did not.
    let _ = rest.write_fmt(words);
    let length = LENGTH - rest.len();
    #[allow(unsafe_code, reason = "Rust's own ways of writing and ending may ask for memory")]
    // SAFETY: the text is as long as it says; `_exit` runs nothing of this process.
    unsafe {
        // If nobody can be told, the exit code still says that it failed.
        let _ = libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), length);
        libc::_exit(i32::from(USAGE))
    }
}

/// Ends the program for a reason of `MuJoCo`.
fn of_mujoco(reason: &str) -> ! {
    let reason = reason.lines().next().unwrap_or("an error without words");
    end_of_library(reason, &format_args!("MuJoCo ends with '{reason}'"))
}

/// Ends the program; for lack of memory if the words say so.
fn end_of_library(words: &str, fault: &std::fmt::Arguments) -> ! {
    if refused_memory(words).is_some() {
        end(format_args!("error: out of memory: the system refuses more memory; {ASK_FOR_LESS}\n"))
    }
    end(format_args!(
        "error: this is a fault of hyperl: {fault}; please report it, with the command that led to it\n"
    ))
}

#[allow(unsafe_code, reason = "libstdc++ has this in C only")]
mod foreign {
    use std::ffi::{CStr, c_char, c_void};

    /// What `std::type_info` is made of.
    #[repr(C)]
    struct TypeInfo {
        methods: *const c_void,
        name: *const c_char,
    }

    // SAFETY: as libstdc++ declares them: `std::set_terminate`, and a function of its C interface.
    unsafe extern "C" {
        #[link_name = "_ZSt13set_terminatePFvvE"]
        fn set_terminate(end: extern "C" fn() -> !) -> *const c_void;
        fn __cxa_current_exception_type() -> *const TypeInfo;
    }

    /// Lets a C++ exception that nothing catches, as in a thread of libtorch, end the program in order: by itself it
    /// aborts.
    pub(super) fn say_why_it_ends() {
        // SAFETY: the function is there as long as the program.
        unsafe {
            set_terminate(terminated);
        }
    }

    extern "C" fn terminated() -> ! {
        // SAFETY: it is null or lives as long as the exception, which nothing catches; its name is text of the program.
        let kind = unsafe {
            __cxa_current_exception_type().as_ref().map(|kind| CStr::from_ptr(kind.name))
        };
        let kind = kind.and_then(|name| name.to_str().ok()).unwrap_or("none");
        super::end_of_library(kind, &format_args!("nothing catches the C++ exception {kind}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_one_line_that_tells_a_lack_of_memory_from_a_fault() {
        let torch = "called `Result::unwrap()` on an `Err` value: Torch(\"[enforce fail at \
                     alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried \
                     to allocate 204800000 bytes. Error code 12\\nframe #0: c10::ThrowEnforceNotMet\")";
        let thread = "failed to spawn thread: Os { code: 11, kind: WouldBlock }";
        for (text, expected) in [
            (torch, "out of memory: the system refuses 204800000 bytes; lower batch, "),
            ("capacity overflow", "out of memory: the system refuses more memory; lower batch, "),
            (thread, "the system refuses another thread; lower --threads"),
            (
                "index out of bounds\nmore",
                "this is a fault of hyperl: index out of bounds (a.rs:1:2);",
            ),
        ] {
            let said = error_of(text, "a.rs:1:2").to_string();
            assert!(said.starts_with(expected) && said.lines().count() == 1, "{said}");
        }
    }
}
