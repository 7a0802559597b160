//! Files that Python and `PyTorch` wrote (`make.py`, `make_more.py` and `make_scripts.py` of `tests/fixtures/agents`), whole and
//! damaged.

use std::path::{Path, PathBuf};

use super::foreign::Script;
use super::state_dict::StateDict;
use super::{cleanrl, sb3, spinning_up, vec_normalize};
use crate::env::EnvId;
use crate::mutated::{copies, mutated};
use crate::nn::plain::Gives;
use crate::pickled::archive::Archive;
use crate::pickled::pickle_machine::read;
use crate::pickled::script::checked;
use crate::pickled::tensor::Tensor;
use crate::rng::Stream;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/agents")
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).unwrap()
}

/// Says why a pickle is refused.
fn refused(bytes: &[u8]) -> String {
    read(bytes).unwrap_err()
}

#[test]
fn every_protocol_says_the_same() {
    for protocol in 0..=5 {
        let bytes = fixture(&format!("protocol-{protocol}.pkl"));
        let pickle = read(&bytes[..]).unwrap();
        assert_eq!(pickle.length, bytes.len(), "protocol {protocol}");
        let root = pickle.root();
        let of = |key: &str| root.get(key).unwrap();
        for key in ["numbers", "again"] {
            let numbers = of(key).sequence().unwrap();
            let numbers: Vec<i64> = numbers.iter().map(|n| n.int().unwrap()).collect();
            assert_eq!(numbers, [1, -2, 300, 70_000, 1 << 40], "protocol {protocol}");
        }
        let pair = of("pair").tuple().unwrap();
        assert_eq!((pair.len(), pair[0].bool(), pair[1].bool()), (2, Some(true), None));
        assert_eq!((of("fraction").int(), of("huge").int()), (None, None));
        assert_eq!(of("ordered").get("a").unwrap().text(), Some("b"));
        assert!(root.get("none").is_none());
    }
}

#[test]
fn what_python_would_call_is_noted_and_not_done() {
    // `os.system("rm -rf /")` as the simplest dangerous pickle has it.
    let pickle = read(&b"cos\nsystem\n(S'rm -rf /'\ntR."[..]).unwrap();
    let callable = pickle.root().callable().unwrap();
    assert_eq!(callable.global(), Some(("os", "system")));
    assert_eq!(pickle.root().calls("os", "system").unwrap()[0].text(), Some("rm -rf /"));
    assert!(pickle.root().entries().is_none() && !Tensor::is_one(pickle.root()));
}

#[test]
fn statistics_beyond_single_precision_are_refused() {
    let whole = fixture("td3-normalised-protocol-5.pkl");
    let statistics = vec_normalize::read(&whole).unwrap_or_else(|e| panic!("{e}"));
    let first = statistics.means().unwrap()[0].to_le_bytes();
    let place = whole.windows(8).position(|bytes| bytes == first).unwrap();
    let mut beyond = whole.clone();
    beyond[place..place + 8].copy_from_slice(&1e300_f64.to_le_bytes());
    let said = vec_normalize::read(&beyond).err().unwrap();
    assert_eq!(said, "its obs_rms is too large for single precision");
}

#[test]
fn a_pickle_that_is_none_is_refused_in_words() {
    let said = [
        (&b""[..], "the file ends too early, at byte 0"),
        (b"X\xff\xff\xff\xffabc", "the file ends too early"),
        (b"\x8e\xff\xff\xff\xff\xff\xff\xff\xffabc", "the file ends too early"),
        (b"\x80\x06N.", "a protocol after 5"),
        (b"\xff.", "no instruction is 0xff"),
        (b"t.", "a container that never began"),
        (b"(a.", "a value is missing"),
        (b"h\x07.", "a reference to nothing"),
        (b"Nr\xff\xff\xff\xff.", "far more objects than a file of this length should have"),
        (b"NNb.", "a state is set of what has none"),
        (b"cos\nsystem\n)RK\x01bK\x01b.", "a state is set twice"),
        (b")Na.", "items are put into a tuple"),
        (b"(Nd.", "a key without a value"),
        (b"\x82\x01.", "a name from a registry of extensions"),
        (b"V\\u0041\n.", "text with escapes (protocol 0)"),
        (b".", "a value is missing, at the end"),
    ];
    for (bytes, words) in said {
        assert!(refused(bytes).contains(words), "{bytes:?}: {}", refused(bytes));
    }
    let deep = [b"\x80\x04".to_vec(), vec![b'('; 2_000]].concat();
    assert!(refused(&deep).contains("more than 1000 containers"));
    let wide = [b"\x80\x04".to_vec(), vec![b'N'; 20_000]].concat();
    assert!(refused(&wide).contains("more than 16384 values"));
    let many = [b"\x80\x04".to_vec(), b"]0".repeat(100_000)].concat();
    assert!(refused(&many).contains("far more objects"));
}

#[test]
fn a_list_that_holds_itself_is_read() {
    let pickle = read(&b"\x80\x02]q\x00h\x00a."[..]).unwrap();
    let items = pickle.root().sequence().unwrap();
    assert_eq!((items.len(), items[0].sequence().unwrap().len()), (1, 1));
}

/// A file of `torch.save` before version 1.6, of an object that has no tensors.
fn saved(object: &[u8]) -> Vec<u8> {
    let magic = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
    let version = b"\x80\x02M\xe9\x03.";
    let system = b"\x80\x02}X\x0d\0\0\0little_endian\x88s.";
    [&magic[..], version, system, b"\x80\x02", object, b".", b"\x80\x02]."].concat()
}

#[test]
fn dictionaries_that_hold_each_other_are_read_no_more_often_than_the_file_is_long() {
    assert_eq!(StateDict::read(&saved(b"}")).unwrap().count(), 0);
    let itself = StateDict::read(&saved(b"}q\x00X\0\0\0\0h\x00s")).unwrap_err();
    assert!(itself.contains("is a dictionary inside 4 others"), "{itself}");
    // Each holds the one before it under 200 names: a billion and a half in all.
    let key = |i: u8| [&b"X\x02\0\0\0"[..], &[b'a' + i / 26, b'a' + i % 26]].concat();
    let mut object = b"}q\x00".to_vec();
    for level in 1..=4 {
        let others = (1..200).flat_map(|i| [key(i), vec![b'h', level - 1]].concat());
        let others: Vec<u8> = others.collect();
        object = [&[b'}', b'q', level, b'('], &key(0)[..], &object, &others, b"u"].concat();
    }
    let many = StateDict::read(&saved(&object)).unwrap_err();
    assert!(many.contains("more tensors than a file of this length holds"), "{many}");
}

#[test]
fn an_archive_that_would_grow_is_refused() {
    let mut bytes = Vec::new();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(&mut bytes));
    let how = zip::write::SimpleFileOptions::default();
    let how = how.compression_method(zip::CompressionMethod::Deflated);
    zip.start_file("zeros", how).unwrap();
    std::io::Write::write_all(&mut zip, &vec![0; 10_000_000]).unwrap();
    zip.finish().unwrap();
    assert!(bytes.len() < 100_000);
    let said = Archive::open(&bytes).unwrap().read("zeros").unwrap_err();
    assert!(said.contains("10000000 bytes, far more than"), "{said}");
}

/// Reads whatever a file may be; says how many numbers came, and checks that no reader ever holds more than ten times
/// the file beside the 256 KiB that a small one may take.
fn try_all(name: &str, bytes: &[u8]) -> usize {
    let mut numbers = 0;
    let path = Path::new("mutated");
    let mut is_script = false;
    let readers: [&mut dyn FnMut(); 7] = [
        &mut || numbers = StateDict::read(bytes).map_or(0, |dict| dict.count()),
        &mut || drop(read(bytes)),
        &mut || drop(sb3::read(path, bytes)),
        &mut || drop(vec_normalize::read(bytes)),
        &mut || drop(cleanrl::read(path, bytes)),
        &mut || drop(spinning_up::read(path, bytes)),
        &mut || is_script = checked(bytes).is_ok(),
    ];
    for (i, reader) in readers.into_iter().enumerate() {
        let most = allocation_counter::measure(reader).bytes_max;
        assert!(most <= 10 * bytes.len() as u64 + (1 << 18), "{name}, reader {i}: {most} bytes");
    }
    // What passes here is for PyTorch to read.
    let script = Script { file: "mutated".into(), bytes: bytes.to_vec(), gives: Gives::Value };
    if is_script && script.check(EnvId::Hopper).is_ok() {
        return bytes.len();
    }
    numbers
}

#[test]
fn damaged_files_are_refused_without_a_crash() {
    let names = [
        "protocol-0.pkl",
        "protocol-2.pkl",
        "protocol-5.pkl",
        "authors_critic",
        "authors-old_actor",
        "authors-old_critic",
        "sac-files/actor.pt",
        "sac-files/q2.pt",
        "sac-files/alpha.pt",
        "sac.zip",
        "sac-deflated.zip",
        "crossq.zip",
        "td3.zip",
        "td3-normalised.pkl",
        "td3-normalised-protocol-5.pkl",
        "td3.cleanrl_model",
        "spinning-up-sac/pyt_save/model.pt",
        "spinning-up-td3/pyt_save/model.pt",
        "scripts/critic.pt",
        "scripts/critic_traced.pt",
    ];
    let copies = copies();
    let mut differ = 0;
    for name in names {
        let whole = fixture(name);
        let numbers = try_all(name, &whole);
        let mut stream = Stream::new(copies, "mutations").child(name);
        for _ in 0..copies {
            let found = try_all(name, &mutated(&whole, &mut stream));
            differ += u64::from(found != numbers);
        }
    }
    assert!(differ > copies, "the damage was seen only {differ} times");
}

/// An archive of which one part is damaged, with a checksum that fits.
fn damaged_inside(whole: &[u8], stream: &mut Stream) -> Vec<u8> {
    let mut archive = Archive::open(whole).unwrap();
    let names = archive.names().unwrap();
    let names: Vec<_> = names.iter().filter(|name| !name.contains("debug")).collect();
    let damaged = stream.index(names.len());
    let mut bytes = Vec::new();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(&mut bytes));
    let how = zip::write::SimpleFileOptions::default();
    let how = how.compression_method(zip::CompressionMethod::Stored);
    for (i, name) in names.into_iter().enumerate() {
        let part = archive.read(name).unwrap();
        let part = if i == damaged { mutated(&part, stream) } else { part };
        zip.start_file(name.as_str(), how).unwrap();
        std::io::Write::write_all(&mut zip, &part).unwrap();
    }
    zip.finish().unwrap();
    bytes
}

#[test]
fn scripts_with_damaged_code_objects_or_numbers_are_refused_without_a_crash() {
    let mut stream = Stream::new(0, "damage inside");
    let (copies, mut refused, mut by_torch) = (copies(), 0, 0);
    for name in ["scripts/critic.pt", "scripts/critic_traced.pt"] {
        let whole = fixture(name);
        for _ in 0..copies {
            let bytes = damaged_inside(&whole, &mut stream);
            let script = Script { file: name.into(), bytes, gives: Gives::Value };
            let ours = checked(&script.bytes).is_err();
            refused += u64::from(ours);
            by_torch += u64::from(!ours && script.check(EnvId::Hopper).is_err());
        }
    }
    assert!(refused > copies / 4 && by_torch > copies / 20, "{refused} {by_torch}");
}
