//! Does the program, as people start it, answer bad input with what to do, and end with the right code?

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The program under test, built by the same command that builds the tests.
pub(crate) fn playgate() -> PathBuf {
    let victim = PathBuf::from(env!("CARGO_BIN_EXE_victim"));
    let program = victim.with_file_name("playgate");
    assert!(program.exists(), "build the program first: cargo build -p cli");
    program
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(playgate())
        .current_dir(folder)
        .env_clear()
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn refused(folder: &Path, arguments: &[&str], says: &[&str]) {
    let output = run(folder, arguments);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    for part in says {
        assert!(text.contains(part), "{arguments:?} does not say `{part}`: {text}");
    }
}

#[test]
fn bad_input_is_answered_with_code_2_and_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    refused(at, &["queue", "show", "run_1"], &["run_1", "apv_"]);
    refused(at, &["run", "list", "--status", "asleep"], &["asleep", "paused"]);
    refused(at, &["playbook", "plan", "nonesuch", "--account", "x"], &["nonesuch"]);
    refused(at, &["account", "show", "Nobody Inc"], &["Nobody Inc", "account list"]);
    refused(at, &["kill", "everything"], &["everything", "playbook:NAME"]);
    refused(at, &["import", "missing.csv"], &["missing.csv"]);
    refused(at, &["signal", "shouted", "--account", "x"], &["shouted", "email.replied"]);
    refused(at, &["queue", "--as", "nobody@example.com"], &["nobody@example.com", "access list"]);
    refused(at, &["serve", "--no-worker"], &["PostgreSQL"]);
    refused(at, &["kill", "playbook:renewals"], &["renewals", "no active playbook"]);
    refused(at, &["--db", "mysql://x/y", "status"], &["mysql", "sqlite:///"]);
    refused(at, &["--llm-url", "http://elsewhere.example/v1", "status"], &["http"]);
    refused(at, &["playbook", "lint", "nosuch.yaml"], &["nosuch.yaml"]);
    refused(at, &["demo", "--no-serve"], &["holds data", "--data"]);
    refused(at, &["--db", "postgres://x/y", "demo", "--fresh"], &["--fresh", "--db"]);
    refused(at, &["--db", "precious.sqlite", "bench", "w1"], &["--db", "postgres://"]);
    refused(at, &["bench", "w1", "--concurrency", "0"], &["1 to 1000"]);
    refused(at, &["bench", "w1", "--in", "nowhere"], &["nowhere"]);
    refused(at, &["frobnicate"], &["frobnicate"]);
}

#[test]
fn hostile_files_are_refused_quickly_and_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    std::fs::write(at.join("c.yaml"), "lissten: 127.0.0.1:1\n").expect("a file");
    refused(at, &["--config", "c.yaml", "status"], &["c.yaml:1", "lissten"]);
    std::fs::write(at.join("big.yaml"), vec![b'#'; 10 << 20]).expect("a file");
    refused(at, &["playbook", "lint", "big.yaml"], &["big.yaml"]);
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (this, last) in "bcdefghij".chars().zip("abcdefghi".chars()) {
        let eight = vec![format!("*{last}"); 8].join(", ");
        bomb += &[&this.to_string(), ": &", &this.to_string(), " [", &eight, "]\n"].concat();
    }
    std::fs::write(at.join("bomb.yaml"), bomb).expect("a file");
    refused(at, &["playbook", "lint", "bomb.yaml"], &["bomb.yaml"]);
    std::fs::write(at.join("p.yaml"), "policy: p\nowner: a@b.example\npurpose: x\nreview_by: 2027-01-01\nrules:\n  - id: r\n    when: account.arr >= \"much\"\n    verdict: review\n    reason: x\n").expect("a file");
    refused(at, &["policy", "lint", "p.yaml"], &["p.yaml:7", "^"]);
}

#[test]
fn every_command_explains_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    for command in [
        "demo", "sample", "import", "serve", "worker", "migrate", "status", "queue", "task", "run",
        "playbook", "policy", "outbox", "kill", "unkill", "audit", "account", "signal", "health",
        "access", "archive", "backup", "restore", "bench", "config", "schema",
    ] {
        let output = run(folder.path(), &[command, "--help"]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("Usage:"), "{command}: {text}");
        assert!(text.contains("--data") && text.contains("--json"), "{command}: {text}");
    }
}

#[test]
fn the_demo_prepares_resumes_and_starts_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let demo = |more: &[&str]| -> serde_json::Value {
        let mut arguments = vec!["--json", "demo", "--no-serve", "--accounts", "25"];
        arguments.extend(more);
        let output = run(folder.path(), &arguments);
        let problems = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{problems}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let first = demo(&[]);
    assert_eq!(first["resumed"], false);
    assert_eq!(first["counts"]["accounts"], 25);
    assert!(first["waiting"].as_u64() > Some(0), "something waits: {first}");
    let again = demo(&[]);
    assert_eq!(again["resumed"], true);
    assert_eq!(again["counts"]["runs"], first["counts"]["runs"]);

    let id = first["first"].as_str().expect("an approval");
    let blind = run(folder.path(), &["queue", "approve", id]);
    let says = String::from_utf8_lossy(&blind.stderr).into_owned();
    assert_eq!(blind.status.code(), Some(2), "nobody approves what they did not see: {says}");
    let shown = run(folder.path(), &["--json", "queue", "show", id]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    let binding = shown["item"]["approval"]["version"]["binding"].as_str().expect("a binding");
    assert!(says.contains(&binding[..12]), "{says}");
    let wrong = run(folder.path(), &["queue", "approve", id, "--binding", "0000000000000000"]);
    assert_eq!(wrong.status.code(), Some(3), "{}", String::from_utf8_lossy(&wrong.stderr));
    let approve = ["queue", "approve", id, "--binding", &binding[..12]];
    let approved = run(folder.path(), &approve);
    assert!(approved.status.success(), "{}", String::from_utf8_lossy(&approved.stderr));
    let twice = run(folder.path(), &approve);
    assert_eq!(twice.status.code(), Some(3), "{}", String::from_utf8_lossy(&twice.stderr));

    let verified = run(folder.path(), &["audit", "verify"]);
    let text = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success() && text.starts_with("true"), "{text}");

    let fresh = demo(&["--fresh"]);
    assert_eq!(fresh["resumed"], false);
}

/// What a command that succeeds says in JSON.
fn said(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    let output = run(folder, &[&["--config", "c.yaml", "--json"], arguments].concat());
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {problems}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The active playbooks and their versions.
fn versions(folder: &Path) -> Vec<(String, String)> {
    let listed = said(folder, &["playbook", "list"]);
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let listed = listed.as_array().expect("a list");
    listed.iter().map(|one| (text(&one["name"]), text(&one["version"]))).collect()
}

#[test]
fn two_hashes_are_enough_to_move_runs_from_one_version_to_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    std::fs::write(at.join("c.yaml"), "custom: custom\n").expect("a file");
    std::fs::create_dir_all(at.join("custom/playbooks")).expect("a folder");
    said(at, &["demo", "--no-serve", "--accounts", "25"]);
    let before = versions(at);
    let runs = said(at, &["run", "list", "--status", "active"]);
    let run = &runs["items"][0];
    let name = run["playbook"].as_str().expect("a playbook");
    let shown = said(at, &["playbook", "show", name]);
    for file in shown["files"].as_array().expect("files") {
        let (name, text) = (file["name"].as_str().expect("a name"), file["text"].as_str());
        let place = at.join("custom/playbooks").join(name);
        std::fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        std::fs::write(place, [text.expect("text"), "# Another version.\n"].concat()).expect("it");
    }
    // More playbooks than there are hex digits: some versions begin with the same one.
    for n in 0..17 {
        let text = format!(
            "playbook: more-{n}\ntitle: More\nowner: cs-ops@example.com\nstage: crawl\n\
             goal: adoption\nkind: proactive\nobjective: It is done.\n\
             duration: {{ weeks: [1, 1] }}\nmetrics: [adoption_rate]\npitfalls: [None known.]\n\
             trigger: {{ on: manual }}\nsteps:\n  - id: work\n    \
             create_task: {{ for: csm, title: Look, due: 1d }}\n"
        );
        std::fs::write(at.join(format!("custom/playbooks/more-{n}.yaml")), text).expect("a file");
    }
    said(at, &["playbook", "load"]);
    let after = versions(at);
    let of = |versions: &[(String, String)], name: &str| -> String {
        versions.iter().find(|(known, _)| known == name).expect("the playbook").1.clone()
    };
    let (from, to, other) = (of(&before, name), of(&after, name), of(&after, "more-0"));
    assert_ne!(from, to);

    let config = ["--config", "c.yaml", "playbook", "migrate"];
    let refused = |arguments: &[&str], says: &[&str]| {
        refused(at, &[&config, arguments].concat(), says);
    };
    refused(&[], &["say which playbook", "--from"]);
    refused(&["--from", "zz"], &["no version of any playbook begins with `zz`"]);
    refused(&["--to", ""], &["no version of any playbook begins with ``"]);
    refused(&["more-0", "--from", &from], &[&format!("is one of `{name}`, not of `more-0`")]);
    refused(&["--from", &from, "--to", &other], &[name, "`more-0`", "of one playbook"]);
    let digit = "0123456789abcdef"
        .chars()
        .find(|digit| after.iter().filter(|(_, hash)| hash.starts_with(*digit)).count() > 1)
        .expect("one that begins two of them")
        .to_string();
    refused(&["--from", &digit], &["begins versions of", "more digits"]);

    let mut migrate = vec!["playbook", "migrate", "--from", &from[..16], "--to", &to[..16]];
    let seen = said(at, &migrate);
    assert_eq!((&seen["to"], &seen["from"][0]), (&to.clone().into(), &from.clone().into()));
    let moved = seen["moved"].as_u64().expect("a count");
    assert!(moved > 0, "{seen}");
    let pinned = |version: &str| -> u64 {
        let list = ["run", "list", "--version", version];
        said(at, &list)["total"].as_u64().expect("a count")
    };
    let there = pinned(&from);
    assert_eq!(pinned(&to), 0, "looking changes nothing");
    migrate.push("--apply");
    assert_eq!(said(at, &migrate)["moved"], moved);
    assert_eq!((pinned(&from), pinned(&to)), (there - moved, moved));
}

#[test]
fn fresh_leaves_a_demo_alone_that_somebody_serves() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = run(folder.path(), &["demo", "--no-serve", "--accounts", "5"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let lock = std::fs::File::create(folder.path().join(".playgate/serving.lock")).expect("a lock");
    lock.lock().expect("nobody else has it");
    refused(folder.path(), &["demo", "--fresh", "--no-serve"], &["stop it first"]);
    assert!(folder.path().join(".playgate/playgate.sqlite").exists());
}

#[test]
fn fresh_deletes_nothing_but_a_demo() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("mine")).expect("a folder");
    std::fs::write(folder.path().join("mine/precious.txt"), "x").expect("a file");
    refused(
        folder.path(),
        &["--data", "mine", "demo", "--fresh", "--no-serve"],
        &["mine", "--data"],
    );
    assert!(folder.path().join("mine/precious.txt").exists());
}

#[test]
fn a_benchmark_completes_every_run_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    for gate in ["task", "letter"] {
        let output = run(
            folder.path(),
            &[
                "--json",
                "bench",
                "w1",
                "--runs",
                "50",
                "--concurrency",
                "8",
                "--gate",
                gate,
                "--rate-seconds",
                "1",
                "--in",
                ".",
            ],
        );
        let problems = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{problems}");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let wanted = ("w1", "sqlite", gate, 50, 50);
        let found = (
            report["workload"].as_str().expect("a word"),
            report["database"].as_str().expect("a word"),
            report["gate"].as_str().expect("a word"),
            report["runs"].as_u64().expect("a number"),
            report["completed"].as_u64().expect("a number"),
        );
        assert_eq!(found, wanted, "{report}");
        assert_eq!(report["approval_to_step"]["count"], 50, "every run went on: {report}");
        assert_eq!(report["paced"]["approval_to_step"]["count"], 10, "{report}");
        for figure in [
            "seconds",
            "runs_per_s",
            "steps_per_s",
            "server_cpu_s_per_1000",
            "server_peak_bytes",
            "bytes_per_run",
            "commits_per_run",
        ] {
            assert!(report[figure].as_f64().is_some_and(|value| value > 0.0), "{figure}: {report}");
        }
        for limit in [
            "fdatasync_per_s",
            "fdatasync_in_place_per_s",
            "single_commits_per_s",
            "batched_commits_per_s",
        ] {
            let value = report["machine"][limit].as_f64();
            assert!(value.is_some_and(|value| value > 0.0), "{limit}: {report}");
        }
        assert!(report["targets"]["runs_per_s"].is_number(), "{report}");
    }
    let left = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 0, "the benchmark removes what it made");
}

#[test]
fn parked_runs_and_drafts_of_a_benchmark_are_real_enough_to_be_finished() {
    let folder = tempfile::tempdir().expect("a folder");
    let bench = |arguments: &[&str]| -> serde_json::Value {
        let output = run(folder.path(), &[&["--json", "bench", "--in", "."], arguments].concat());
        let problems = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {problems}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let recovered = bench(&["recover", "--runs", "60", "--finish", "40", "--concurrency", "4"]);
    assert_eq!((&recovered["parked"], &recovered["finished"]), (&60.into(), &40.into()));
    assert_eq!(recovered["approval_to_step"]["count"], 40, "{recovered}");
    for figure in ["ready_s", "first_completed_s", "all_completed_s"] {
        assert!(recovered[figure].as_f64().is_some_and(|value| value > 0.0), "{recovered}");
    }
    let queue = bench(&["queue", "--items", "300"]);
    for figure in ["first_page", "screen", "decision"] {
        assert_eq!(queue[figure]["count"], 200, "{figure}: {queue}");
    }
}

#[test]
fn a_benchmark_that_is_interrupted_ends_its_server_and_removes_what_it_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut bench = Command::new(playgate())
        .current_dir(folder.path())
        .env_clear()
        .args(["bench", "w1", "--runs", "100000", "--in", "."])
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    let begun = std::time::Instant::now();
    let server = loop {
        assert!(begun.elapsed().as_secs() < 120, "it starts no server");
        std::thread::sleep(std::time::Duration::from_millis(50));
        let children = format!("/proc/{0}/task/{0}/children", bench.id());
        let children = std::fs::read_to_string(children).expect("its children");
        if let Some(child) = children.split_whitespace().next() {
            break child.to_owned();
        }
    };
    let told = Command::new("kill").args(["-INT", &bench.id().to_string()]).status();
    assert!(told.expect("kill runs").success());
    let ended = bench.wait().expect("it ends");
    assert_eq!(ended.code(), Some(1));
    assert!(!Path::new(&format!("/proc/{server}")).exists(), "its server is gone");
    let left = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 0, "what it made is gone");
}

#[test]
fn one_changed_byte_is_found_and_pointed_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = run(folder.path(), &["demo", "--no-serve", "--accounts", "10"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let file = folder.path().join(".playgate/playgate.sqlite");
    let mut bytes = std::fs::read(&file).expect("the database");
    let word = b"{\"event\":\"step_started\",\"step\":\"";
    let at = bytes.windows(word.len()).rposition(|window| window == word).expect("an event");
    bytes[at + word.len()] ^= 1;
    std::fs::write(&file, bytes).expect("the database");
    let verified = run(folder.path(), &["audit", "verify"]);
    let text = String::from_utf8_lossy(&verified.stdout);
    assert_eq!(verified.status.code(), Some(1), "{text}");
    assert!(text.starts_with("false"), "{text}");
    assert!(text.contains("was changed after it was written") && text.contains("run_"), "{text}");
}

#[test]
fn invariant_10_no_log_line_names_a_customer() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let made = run(at, &["demo", "--no-serve", "--accounts", "30", "--log", "trace"]);
    let mut log = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(made.status.success(), "{log}");
    let queue = run(at, &["--json", "queue"]);
    let queue: serde_json::Value = serde_json::from_slice(&queue.stdout).expect("JSON");
    let first = queue["items"][0].clone();
    let id = first["approval"]["id"].as_str().expect("a draft waits");
    let binding = first["approval"]["version"]["binding"].as_str().expect("a binding");
    let approved = run(at, &["--log", "trace", "queue", "approve", id, "--binding", binding]);
    log.push_str(&String::from_utf8_lossy(&approved.stderr));
    let sent = run(at, &["demo", "--no-serve", "--log", "trace"]);
    log.push_str(&String::from_utf8_lossy(&sent.stderr));
    assert!(log.contains("runs started"), "there is a log to look at: {log}");

    let shown = run(at, &["--json", "queue", "show", id]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    let letter = &shown["versions"][0]["manuscript"]["letter"];
    let name = letter["recipient"]["name"].as_str().expect("a name");
    let address = letter["recipient"]["address"].as_str().expect("an address");
    let body = letter["body"].as_str().expect("a text");
    let line = body.lines().find(|line| line.len() > 40).expect("a sentence");
    for personal in [name, address, line] {
        assert!(!log.contains(personal), "`{personal}` is in the log");
    }
}

/// A shell that may mount: as root, or in a user namespace of its own.
fn private_mounts(folder: &Path, script: &str) -> Output {
    let namespace = |flags: &str| {
        Command::new("unshare")
            .args([flags, "sh", "-c", script])
            .current_dir(folder)
            .env("PLAYGATE", playgate())
            .output()
            .expect("`unshare` of util-linux is needed for this test: apt-get install util-linux")
    };
    let output = namespace("-m");
    if output.status.code() == Some(77) || !output.stderr.starts_with(b"unshare") {
        return output;
    }
    namespace("-Urm")
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing_half_done() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("small")).expect("a folder");
    let script = r#"
        mount -t tmpfs -o size=3m tmpfs small || exit 77
        "$PLAYGATE" --data small sample --accounts 2 --seed 1 || exit 78
        "$PLAYGATE" --data small sample --accounts 400 --seed 2
        echo "code $?"
        rm -f small/ballast
        "$PLAYGATE" --data small audit verify
        "$PLAYGATE" --data small --json status
    "#;
    let output = private_mounts(folder.path(), script);
    let says = String::from_utf8_lossy(&output.stdout).into_owned();
    let complains = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_ne!(
        output.status.code(),
        Some(77),
        "a small file system of its own could not be mounted; run as root or allow user \
         namespaces (sysctl kernel.unprivileged_userns_clone=1): {complains}"
    );
    assert!(says.contains("code 1"), "{says} {complains}");
    assert!(complains.contains("full"), "it says what is wrong: {complains}");
    assert!(says.contains("true: "), "the trail is whole: {says} {complains}");
}
