//! Does the whole pipeline find what is known, on the machine that runs the tests?

use crate::support::bench::Bench;
use crate::support::seeds::test_seed;

#[test]
fn every_known_answer_comes_out() {
    let bench = Bench::new();
    let ran = bench.analyze(&format!("self-test --quick --json --seed {}", test_seed(0)));
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let answers = json["answers"].as_array().unwrap();
    let wrong: Vec<_> = answers.iter().filter(|answer| answer["came_out"] != true).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!((ran.code, &json["all_came_out"]), (0, &true.into()), "{}", ran.stderr);
    // Ten at each of three places, and five of their own.
    assert_eq!(answers.len(), 35);
    for answer in answers {
        assert!(!answer["checks"].as_array().unwrap().is_empty(), "{answer}");
    }
}
