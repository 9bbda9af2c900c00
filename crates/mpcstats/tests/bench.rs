//! `mpcstats bench engine` prints what other programs read.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::Command;

/// The names that the documentation and other programs know.
const OPERATIONS: [&str; 19] = [
    "and",
    "mul",
    "inner_product",
    "less_than",
    "equal",
    "sum",
    "max",
    "median",
    "sort",
    "shuffle",
    "bits_to_field",
    "keccak",
    "parse",
    "division",
    "mean",
    "variance",
    "regression",
    "group_by",
    "join",
];

const KEYS: [&str; 8] = ["op", "rows", "bits", "wall_s", "cpu_s", "sent_bytes", "rounds", "peak_rss_bytes"];

/// All operations, one object a line in the order of the names, each with just these keys in this order.
#[test]
fn every_operation_prints_one_object_of_the_same_keys() {
    let arguments = ["bench", "engine", "--json", "--rows", "70", "--bits", "20"];
    let output = Command::new(env!("CARGO_BIN_EXE_mpcstats")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut names = Vec::new();
    for line in text.lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        let object = object.as_object().unwrap();
        assert!(object.keys().eq(KEYS.iter()), "{line}");
        assert_eq!((object["rows"].as_u64(), object["bits"].as_u64()), (Some(70), Some(20)), "{line}");
        assert!(object["wall_s"].as_f64().unwrap() > 0.0 && object["rounds"].as_u64().unwrap() > 0, "{line}");
        let each = |key: &str| object[key].as_array().unwrap().clone();
        assert!(
            each("cpu_s").len() == 3 && each("cpu_s").iter().all(|s| s.as_f64().unwrap() > 0.0),
            "{line}"
        );
        for key in ["sent_bytes", "peak_rss_bytes"] {
            let positive = each(key).iter().filter(|n| n.as_u64().unwrap() > 0).count();
            assert_eq!((each(key).len(), positive), (3, 3), "{line}");
        }
        names.push(object["op"].as_str().unwrap().to_owned());
    }
    assert_eq!(names, OPERATIONS);
}
