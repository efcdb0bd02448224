//! The properties, with the seeds of the fuzzer and what it has ever found.

use std::{fs, path::Path};

use picard_properties::ALL;

#[test]
fn every_property_holds_of_its_seeds() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (name, property) in ALL {
        let folder = seeds.join(name);
        let files: Vec<_> = fs::read_dir(&folder)
            .unwrap_or_else(|why| panic!("{}: {why}", folder.display()))
            .map(|entry| entry.expect("an entry").path())
            .collect();
        assert!(!files.is_empty(), "{name} has no seeds");
        for file in files {
            property(&fs::read(&file).expect("a seed can be read"));
        }
    }
}

#[test]
fn every_property_has_a_fuzz_target() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fuzz_targets");
    for (name, _) in ALL {
        let target = fs::read_to_string(targets.join(format!("{name}.rs")));
        let target = target.unwrap_or_else(|why| panic!("{name}: {why}"));
        assert!(target.contains(&format!("named(\"{name}\")")), "{name}");
    }
}
