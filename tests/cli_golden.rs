//! `pobatch verify` on Path of Building itself, where an installation and golden files are found.

use std::{path::Path, process::Command};

mod pob_places;

/// Plays a golden file through real gRPC, in the order that `seed` stands for.
fn verify(base: &Path, golden: &Path, pob: &Path, shards: &str, seed: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_pobatch"))
        .args(["verify", "--repeat", "2", "--shards", shards, "--shuffle", seed])
        .arg("--base")
        .arg(base)
        .arg("--golden")
        .arg(golden)
        .arg("--pob")
        .arg(pob)
        .env_clear()
        .output()
        .expect("the program runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    assert!(stdout.ends_with(", 0 mismatches\n"), "{stdout}{stderr}");
}

#[test]
fn every_golden_file_is_met_to_the_last_bit() {
    let Some(places) = pob_places::places() else { return };
    for build in ["occ-vortex", "dual-wield-coc", "perforate-zerker"] {
        let golden = places.golden.join(format!("{build}.jsonl"));
        let base = places.builds.join(format!("{build}.xml"));
        verify(&base, &golden, &places.pob, "1", "1");
        verify(&base, &golden, &places.pob, "2", "2");
    }
}

#[test]
fn a_share_code_is_as_good_as_the_xml_in_it() {
    let Some(places) = pob_places::places() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let code = directory.path().join("code.txt");
    let xml = pob_places::xml(&places, "occ-vortex");
    std::fs::write(&code, pobatch::build::code::encode(&xml)).expect("written");
    verify(&code, &places.golden.join("occ-vortex.jsonl"), &places.pob, "2", "3");
}
