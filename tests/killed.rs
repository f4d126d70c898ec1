//! Are all promises kept while the real program is killed, frozen and restarted under load? In brief;
//! `cargo xtask chaos` does it at length, and on PostgreSQL.

use std::process::{Command, Stdio};

use crate::terminal::playgate;

#[test]
fn ai_01_gv_02_a_server_that_is_killed_and_frozen_under_load_keeps_every_promise() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args(["run", "--db", "sqlite", "--minutes", "0.2", "--every", "1", "--lease", "2"])
        .args(["--rate", "4", "--seed", "3", "--no-timing"])
        .args(["--faults", "kill-worker,stop-worker,restart-worker,sink-down"])
        .arg("--folder")
        .arg(folder.path())
        .arg("--playgate")
        .arg(playgate())
        .stdin(Stdio::null())
        .output()
        .expect("chaos runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.contains("Reconciled: every promise was kept."), "{text}");
    for fault in ["worker killed (SIGKILL)", "worker stopped past its lease (SIGSTOP)"] {
        let times = number(&text, fault);
        assert!(times > 0, "the run is too short for `{fault}`:\n{text}");
    }
    assert!(number(&text, "mails at the sink") > 5, "{text}");
}

/// The number in the line of the report that begins with these words, after the list of faults.
fn number(text: &str, words: &str) -> u64 {
    text.lines()
        .filter_map(|line| line.trim_start().strip_prefix(words))
        .find_map(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
