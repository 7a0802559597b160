//! Does every failure of a disk come with what helps?

use std::io;
use std::path::Path;

use hyperl::error::Error;

#[test]
fn every_failure_of_a_disk_comes_with_what_helps() {
    for (action, code, words) in [
        ("write", libc::ENOSPC, "No space left on device (os error 28); free some space"),
        ("create", libc::EDQUOT, "free some space"),
        ("write", libc::EFBIG, "ulimit -f"),
        ("write", libc::EACCES, "make it writable"),
        ("write", libc::EROFS, "; choose another place"),
        ("write", libc::EIO, "; choose another place"),
        ("create", libc::ENOTDIR, "a file is in the way"),
        ("write", libc::EISDIR, "a folder is in the way"),
        ("write", libc::ENAMETOOLONG, "a shorter name"),
        ("write", libc::EMFILE, "ulimit -n"),
        ("lock", libc::ENOSYS, "has no locks"),
        ("read", libc::ENOENT, "check the name"),
        ("read", libc::EACCES, "you may read it"),
        ("read", libc::EISDIR, "name a file"),
        ("read", libc::EIO, "the disk or the network"),
    ] {
        let message =
            Error::io(action, Path::new("x"))(io::Error::from_raw_os_error(code)).to_string();
        assert!(message.contains(words), "{message}: {words}");
        let permission = message.contains("writable");
        assert_eq!(permission, code == libc::EACCES && action != "read", "{message}");
    }
}
