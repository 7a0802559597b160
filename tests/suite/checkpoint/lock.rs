//! Has one process alone a folder, and is what dead ones leave in nobody's way?

use std::fs;

use hyperl::checkpoint::lock::Lock;

/// A number that no process has.
const NOBODY: u32 = u32::MAX;

#[test]
fn a_second_taker_hears_who_holds_it_until_it_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let lock = Lock::folder(&run).unwrap();
    let message = Lock::folder(&run).unwrap_err().to_string();
    let holder = format!("is in use by process {} (", std::process::id());
    assert!(message.contains(&holder), "{message}");
    let _other = Lock::beside(&run).unwrap(); // another thing, another lock
    drop(lock);
    assert_eq!(fs::read_dir(&run).unwrap().count(), 0);
    drop(Lock::folder(&run).unwrap());
}

#[test]
fn the_file_of_a_dead_process_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".lock");
    for left in [format!("{NOBODY} hyperl-train td3\n"), String::new(), "\u{0}?".into()] {
        fs::write(&file, left).unwrap();
        let _lock = Lock::folder(folder.path()).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with(&format!("{} ", std::process::id())), "{text}");
    }
}

#[test]
fn a_holder_on_another_machine_is_named_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let _lock = Lock::folder(folder.path()).unwrap();
    // As if the process were another one's: the number is nobody's here.
    fs::write(folder.path().join(".lock"), format!("{NOBODY} elsewhere hyperl-train td3\n"))
        .unwrap();
    let message = Lock::folder(folder.path()).unwrap_err().to_string();
    let named = format!("is in use by process {NOBODY} on elsewhere (hyperl-train td3)");
    assert!(message.contains(&named), "{message}");
}

#[test]
fn of_many_takers_at_once_one_has_it() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..20 {
        let taken: Vec<_> = std::thread::scope(|scope| {
            let take = || Lock::folder(folder.path());
            let takers: Vec<_> = (0..8).map(|_| scope.spawn(take)).collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).collect()
        });
        assert_eq!(taken.iter().filter(|lock| lock.is_ok()).count(), 1);
    }
}

#[test]
fn half_written_things_of_dead_processes_go_and_all_else_stays() {
    let folder = tempfile::tempdir().unwrap();
    let own = std::process::id();
    let stale = [format!(".a.csv.{NOBODY}-0.partial"), format!(".step-1.{own}-7.partial")];
    // Process 1 is always there.
    let kept = ["a.csv", ".a.partial", ".a.csv.1-0.partial", ".a.x-0.partial", "b.7-0.partial"];
    for name in stale.iter().map(String::as_str).chain(kept) {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let units = folder.path().join(format!(".unit.{NOBODY}-1.partial"));
    fs::create_dir(&units).unwrap();
    let hash = folder.path().join(format!(".unit.sha256.{NOBODY}-2.partial"));
    fs::write(&hash, "").unwrap();
    drop(Lock::beside(&folder.path().join("unit")).unwrap());
    assert!(!units.exists() && !hash.exists());
    assert!(stale.iter().all(|name| folder.path().join(name).exists()));
    drop(Lock::folder(folder.path()).unwrap());
    let mut left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    let mut expected = kept.map(std::ffi::OsString::from);
    expected.sort();
    assert_eq!(left, expected);
}

#[test]
fn what_an_ended_process_left_is_removed_even_if_nobody_asked_how_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut ended = std::process::Command::new("true").spawn().unwrap();
    let stat = format!("/proc/{}/stat", ended.id());
    while !fs::read_to_string(&stat).unwrap().contains(") Z ") {
        std::thread::yield_now();
    }
    fs::write(folder.path().join(format!(".a.csv.{}-0.partial", ended.id())), "half").unwrap();
    drop(Lock::folder(folder.path()).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    ended.wait().unwrap();
}
