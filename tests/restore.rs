//! Does a copy taken under load come back whole, and does nothing leave twice after it did? Real
//! processes on SQLite, and on PostgreSQL with its own `pg_dump` and `pg_restore`.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use world::Database;

use crate::terminal::playgate;

/// A data folder with a configuration, and programs at work on it.
struct Site {
    folder: tempfile::TempDir,
    config: PathBuf,
}

/// A process that is ended with the test.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl Serving {
    /// Asks it to stop, and waits.
    fn stop(mut self) {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
        let ended = self.0.wait().expect("a child");
        assert!(ended.success(), "it ended with {ended}");
    }
}

impl Site {
    fn new(database: Option<&str>, with_key: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("config.yaml");
        let data = folder.path().join("data");
        let database = database.map_or_else(String::new, |url| format!("database: {url}\n"));
        let text = format!(
            "data: {}\n{database}keys: {{ master_file: {}/master.key }}\n",
            data.display(),
            folder.path().display()
        );
        std::fs::write(&config, text).expect("a configuration");
        if with_key {
            std::fs::write(folder.path().join("master.key"), "42".repeat(32)).expect("a key");
        }
        Self { folder, config }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(playgate());
        command.env_clear().arg("--config").arg(&self.config).args(arguments);
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program starts")
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let problems = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {problems}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend(arguments);
        serde_json::from_str(&self.run(&all)).expect("JSON")
    }

    fn refused(&self, arguments: &[&str], says: &[&str]) {
        let output = self.output(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        for part in says {
            assert!(text.contains(part), "{arguments:?} does not say `{part}`: {text}");
        }
    }

    /// A server with a worker.
    fn serve(&self) -> Serving {
        let mut child = self
            .command(&["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its words")).lines();
        let serves = |line: &String| line.contains("Serving on");
        assert!(lines.by_ref().map_while(Result::ok).any(|line| serves(&line)), "it serves");
        // Nobody may be made to wait for a reader of its words.
        std::thread::spawn(move || lines.for_each(drop));
        Serving(child)
    }

    fn letters(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("data/mail")).map_or(0, |entries| {
            entries
                .filter_map(Result::ok)
                .filter(|entry| entry.path().extension().is_some_and(|ext| ext == "eml"))
                .count()
        })
    }

    /// A company, and drafts that wait.
    fn fill(&self) {
        self.run(&["migrate"]);
        self.run(&["playbook", "load"]);
        self.run(&["policy", "activate"]);
        self.run(&["sample", "--accounts", "40", "--seed", "5"]);
    }

    /// Approves what waits first, exactly as it stands.
    fn approve_one(&self) {
        let queue = self.json(&["queue"]);
        let approval = &queue["items"][0]["approval"];
        let id = approval["id"].as_str().expect("a draft waits");
        let binding = approval["version"]["binding"].as_str().expect("a binding");
        self.run(&["queue", "approve", id, "--binding", binding]);
    }

    fn messages(&self, status: &str) -> Vec<String> {
        let page = self.json(&["outbox", "list", "--status", status]);
        let items = page["items"].as_array().cloned().unwrap_or_default();
        items.iter().filter_map(|one| one["id"].as_str().map(str::to_owned)).collect()
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(40), "not in time: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// One letter was delivered before the copy is taken, one is on its way then and is delivered
/// after it.
fn before_and_after(site: &Site, copy: impl FnOnce(&Site)) {
    let serving = site.serve();
    site.run(&["playbook", "tick", "renewal"]);
    eventually("two drafts wait", || {
        site.json(&["queue"])["items"].as_array().is_some_and(|items| items.len() >= 2)
    });
    site.approve_one();
    eventually("the first letter leaves", || site.letters() == 1);
    site.run(&["kill", "--reason", "to have something on its way"]);
    site.approve_one();
    eventually("the second waits", || site.messages("queued").len() == 1);
    copy(site);
    site.run(&["unkill"]);
    eventually("the second letter leaves after the copy was taken", || site.letters() == 2);
    serving.stop();
}

/// What was on its way when the copy was taken stays in until a person says so.
fn nothing_leaves_by_itself(restored: &Site) {
    let held = restored.messages("uncertain");
    assert_eq!(held.len(), 1, "what was on its way is held");
    assert_eq!(restored.messages("queued").len(), 0);
    let serving = restored.serve();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(restored.letters(), 0, "nothing leaves while sending is stopped");
    restored.run(&["unkill"]);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(restored.letters(), 0, "and nothing that was held leaves afterwards");
    restored.run(&["outbox", "resolve", &held[0], "--arrived"]);
    eventually("the run of the held letter goes on", || {
        let message = restored.json(&["outbox", "show", &held[0]]);
        message["status"] == "delivered"
    });
    // What nobody had granted yet can be granted and leaves once.
    restored.approve_one();
    eventually("a new letter leaves", || restored.letters() == 1);
    serving.stop();
    let verified = restored.run(&["audit", "verify"]);
    assert!(verified.starts_with("true"), "{verified}");
    let trail = restored.run(&["audit", "show", "history"]);
    assert!(trail.contains("restored"), "{trail}");
}

#[test]
fn a_copy_taken_while_serving_comes_back_and_sends_nothing_twice() {
    let site = Site::new(None, true);
    site.fill();
    let file = site.path("copy.sqlite");
    before_and_after(&site, |site| {
        let said = site.run(&["backup", &file]);
        assert!(said.contains("verified") && said.contains("master key is not in it"), "{said}");
        assert!(said.contains("master.key"), "it says where the key is: {said}");
        site.refused(&["backup", &file], &["is there already"]);
    });
    let mode = std::fs::metadata(&file).expect("the copy").permissions().mode();
    assert_eq!(mode & 0o077, 0, "for its owner only");
    let trail = site.run(&["audit", "show", "history"]);
    assert!(trail.contains("A backup of"), "{trail}");

    // Into a folder that has something, without the key, with another key: refused, nothing made.
    site.refused(&["restore", &file], &["nothing is overwritten", "--data"]);
    let keyless = Site::new(None, false);
    keyless.refused(&["restore", &file], &["master key is not in", "put it there first"]);
    std::fs::write(keyless.path("master.key"), "17".repeat(32)).expect("a key");
    keyless.refused(&["restore", &file], &["is not the one"]);
    assert!(!Path::new(&keyless.path("data/playgate.sqlite")).exists());

    let restored = Site::new(None, true);
    restored.refused(&["restore", "/nowhere.sqlite"], &["/nowhere.sqlite"]);
    let told = restored.json(&["restore", &file]);
    assert_eq!(told["held"], 1, "{told}");
    assert_eq!((&told["accounts"], &told["master_key"]), (&40.into(), &"fits".into()), "{told}");
    assert!(told["as_of"].is_string() && told["runs"].as_i64() > Some(0), "{told}");
    nothing_leaves_by_itself(&restored);
}

#[test]
fn a_damaged_copy_is_not_put_back() {
    let site = Site::new(None, true);
    site.run(&["sample", "--accounts", "5", "--seed", "1"]);
    site.run(&["playbook", "load"]);
    site.run(&["policy", "activate"]);
    site.run(&["playbook", "tick", "renewal"]);
    let file = site.path("copy.sqlite");
    site.run(&["backup", &file]);
    let whole = std::fs::read(&file).expect("the copy");

    // Cut short.
    std::fs::write(&file, &whole[..whole.len() / 2]).expect("the copy");
    let target = Site::new(None, true);
    let output = target.output(&["restore", &file]);
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // One word of one event changed.
    let mut forged = whole;
    let word = b"{\"event\":\"playbook_loaded\",\"name\":\"";
    let at = forged.windows(word.len()).rposition(|window| window == word).expect("an event");
    forged[at + word.len()] ^= 1;
    std::fs::write(&file, &forged).expect("the copy");
    target.refused(&["restore", &file], &["does not verify", "--even-if-broken"]);
    // Something else altogether.
    std::fs::write(&file, "name,amount\nx,1\n").expect("a file");
    let output = target.output(&["restore", &file]);
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let left: Vec<_> = std::fs::read_dir(target.path("data"))
        .expect("the folder")
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("sqlite"))
        .collect();
    assert!(left.is_empty(), "{left:?}");

    std::fs::write(&file, &forged).expect("the copy");
    let told = target.json(&["restore", &file, "--even-if-broken"]);
    assert!(told["faults"][0].as_str().is_some_and(|fault| fault.contains("changed")), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_pg_restore_what_was_on_its_way_is_held() {
    let scratch = tempfile::tempdir().expect("a folder");
    let [first, second] = [
        Database::Postgres.lease(scratch.path()).await,
        Database::Postgres.lease(scratch.path()).await,
    ];
    let site = Site::new(Some(&first.url), true);
    site.fill();
    site.refused(&["backup", "x"], &["pg_dump", "pg_restore", "restore --hold"]);
    site.refused(&["restore", &site.path("config.yaml")], &["pg_restore", "--hold"]);
    let dump = site.path("copy.dump");
    before_and_after(&site, |_| {
        let file = format!("--file={dump}");
        postgres("pg_dump", &["--format=custom", &file, &first.url]);
    });
    let restored = Site::new(Some(&second.url), true);
    let target = format!("--dbname={}", second.url);
    postgres("pg_restore", &["--exit-on-error", "--no-owner", &target, &dump]);
    let told = restored.json(&["restore", "--hold"]);
    assert_eq!(told["held"], 1, "{told}");
    nothing_leaves_by_itself(&restored);
}

fn postgres(program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|err| panic!("`{program}` comes with PostgreSQL's client programs: {err}"));
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {problems}");
}

/// How long a pass is let live, in turn.
const LIVES: [u64; 12] = [40, 80, 120, 160, 200, 250, 300, 400, 500, 700, 900, 1200];

#[tokio::test(flavor = "multi_thread")]
async fn gv_01_a_pass_that_is_killed_loses_nothing() {
    use domain::{clock::Clock as _, port::Journal as _};
    // Runs that were over long before this machine's today.
    let world = world::World::new(Database::Sqlite).await;
    let today = cli::clock::SystemClock::default().now();
    world.clock.pass(
        today.duration_since(world::beginning()) - jiff::SignedDuration::from_hours(24 * 300),
    );
    let runs = crate::history::over(&world, 301).await;
    let config = world.folder().join("config.yaml");
    let text =
        format!("data: {0}\nkeys: {{ master_file: {0}/master.key }}\n", world.folder().display());
    std::fs::write(&config, text).expect("a configuration");
    let pass = || {
        Command::new(playgate())
            .env_clear()
            .arg("--config")
            .arg(&config)
            .args(["archive", "--older-than", "183d", "--apply"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts")
    };
    let mut killed = 0;
    for millis in LIVES {
        let mut process = pass();
        std::thread::sleep(Duration::from_millis(millis));
        if process.try_wait().expect("a child").is_none() {
            process.kill().expect("a kill");
            killed += 1;
        }
        process.wait().expect("a child");
        crate::history::accounted_for(&world, &runs[..300]).await;
    }
    assert!(killed >= 3, "it was killed {killed} times");
    assert!(pass().wait().expect("a child").success());
    for run in &runs[..300] {
        assert!(world.app.store.run(*run).await.expect("the database").is_none());
    }
    let verified = Command::new(playgate())
        .env_clear()
        .arg("--config")
        .arg(&config)
        .args(["audit", "verify", "--archive"])
        .output()
        .expect("the program starts");
    let mut text = String::from_utf8_lossy(&verified.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&verified.stderr));
    assert!(verified.status.success() && text.starts_with("true"), "{text}");
}
