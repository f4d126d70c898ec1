//! Do separate processes share one database as one product? Serve, worker and command line, on PostgreSQL.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use world::Database;

use crate::terminal::playgate;

/// How fast the kill switch has to work in every process.
const KILL: Duration = Duration::from_secs(5);

/// What signals are signed with.
const SECRET: &str = "whsec_cGxheWdhdGUgdGVzdCBzZWNyZXQgb2YgMzIgYnl0ZXM=";

/// A place where processes work on one database.
struct Place {
    folder: tempfile::TempDir,
    config: PathBuf,
    database: world::database::Lease,
}

/// A process that is ended with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl Process {
    /// Asks it to stop, and waits: it must end by itself with code 0.
    fn stop(mut self) {
        let id = self.0.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().expect("kill runs");
        assert!(told.success());
        let begun = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().expect("a child") {
                assert!(status.success(), "it ended with {status}");
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not stop");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = Database::Postgres.lease(folder.path()).await;
        std::fs::write(folder.path().join("master.key"), "42".repeat(32)).expect("a key");
        let config = folder.path().join("config.yaml");
        let text = format!(
            "data: {0}\ndatabase: {1}\nkeys: {{ master_file: {0}/master.key }}\n",
            folder.path().display(),
            database.url
        );
        std::fs::write(&config, text).expect("a configuration");
        Self { folder, config, database }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(playgate());
        command
            .env_clear()
            .env("PLAYGATE_SIGNAL_SECRET", SECRET)
            .arg("--config")
            .arg(&self.config)
            .args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().expect("the program starts");
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend(arguments);
        serde_json::from_slice(&self.run(&all).stdout).expect("JSON")
    }

    fn worker(&self) -> Process {
        Process(
            self.command(&["worker"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the worker starts"),
        )
    }

    /// A server without a worker, and its address.
    fn server(&self) -> (Process, SocketAddr) {
        let mut child = self
            .command(&["serve", "--no-worker", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its words")).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                line.split("Serving on http://").nth(1)?.split(". ").next()?.parse().ok()
            })
            .expect("it says where it serves");
        // Nobody may be made to wait for a reader of its words.
        std::thread::spawn(move || lines.for_each(drop));
        (Process(child), address)
    }

    /// A worker that answers how it is, and its address.
    fn listening_worker(&self) -> (Process, SocketAddr) {
        let mut child = self
            .command(&["worker", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the worker starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its words")).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                line.split("/metrics are on http://").nth(1)?.split(". ").next()?.parse().ok()
            })
            .expect("it says where it listens");
        std::thread::spawn(move || lines.for_each(drop));
        (Process(child), address)
    }

    /// Runs statements on the database by hand, past the product.
    fn by_hand(&self, sql: &str) {
        let output = Command::new("psql")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, &self.database.url])
            .output()
            .expect("`psql`, which comes with PostgreSQL's client package, is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn mail(&self) -> usize {
        count(&self.folder.path().join("mail"))
    }
}

fn count(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, |entries| {
        entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().extension().is_some_and(|ext| ext == "eml"))
            .count()
    })
}

/// One HTTP request over a connection of its own; status and body.
fn http(
    at: SocketAddr,
    method: &str,
    path: &str,
    token: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {at}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    send(at, &request)
}

fn send(at: SocketAddr, request: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(at).expect("the server answers");
    stream.write_all(request.as_bytes()).expect("the server listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server answers");
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "not in time: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gv_04_serve_and_worker_share_the_work_and_one_switch_stops_them_all() {
    let place = Place::new().await;
    place.run(&["migrate"]);
    place.run(&["playbook", "load"]);
    place.run(&["policy", "activate"]);
    place.run(&["sample", "--accounts", "40", "--seed", "5"]);
    let token = place.json(&["access", "token", "admin@localhost"])["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let (server, at) = place.server();
    let worker = place.worker();
    let second = place.worker();

    place.run(&["playbook", "tick", "renewal"]);
    let waiting = || {
        let (status, page) = http(at, "GET", "/v1/approvals?status=waiting", &token, None);
        assert_eq!(status, 200, "{page}");
        page["items"].as_array().cloned().unwrap_or_default()
    };
    eventually("two drafts wait", || waiting().len() >= 2);
    let items = waiting();
    let approve = |item: &Value| {
        let id = item["approval"]["id"].as_str().expect("an id");
        let binding = item["approval"]["version"]["binding"].clone();
        let path = format!("/v1/approvals/{id}/approve");
        http(at, "POST", &path, &token, Some(&json!({ "binding": binding })))
    };

    let (status, answer) = approve(&items[0]);
    assert_eq!(status, 200, "{answer}");
    eventually("the letter leaves", || place.mail() == 1);
    let (status, answer) = approve(&items[0]);
    assert_eq!(status, 409, "{answer}");
    assert!(answer.to_string().contains("Administrator"), "it says who: {answer}");

    place.run(&["kill", "--reason", "a drill"]);
    let (status, answer) = approve(&items[1]);
    assert_eq!(status, 200, "deciding goes on: {answer}");
    std::thread::sleep(KILL);
    assert_eq!(place.mail(), 1, "nothing leaves while sending is stopped");
    place.run(&["unkill"]);
    eventually("the held letter leaves", || place.mail() == 2);

    signals_come_in_signed_once_and_start_what_listens(&place, at);

    let (status, _) = http(at, "GET", "/v1/approvals", "pgt_wrong", None);
    assert_eq!(status, 401, "nobody gets in with a wrong token");

    worker.stop();
    second.stop();
    server.stop();
    let verified = place.run(&["audit", "verify"]);
    assert!(String::from_utf8_lossy(&verified.stdout).starts_with("true"));
}

/// A signed `CloudEvent`, as another system would send it.
fn signal(at: SocketAddr, account: &str, secret: &str) -> (u16, Value) {
    let event = json!({
        "specversion": "1.0", "id": "stage-1", "source": "crm", "type": "lifecycle.entered",
        "subject": account, "data": { "stage": "onboarding" },
    })
    .to_string();
    let now = domain::clock::Clock::now(&cli::clock::SystemClock::default());
    let secret = connectors::signature::Secret::parse(secret).expect("a secret");
    let signature = secret.sign("hook-1", now, event.as_bytes());
    let request = format!(
        "POST /v1/signals HTTP/1.1\r\nhost: {at}\r\nwebhook-id: hook-1\r\nwebhook-timestamp: {}\r\n\
         webhook-signature: {signature}\r\ncontent-type: application/cloudevents+json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{event}",
        now.as_second(),
        event.len()
    );
    send(at, &request)
}

/// TR-01, GV-25: through the server's own door, not past it.
fn signals_come_in_signed_once_and_start_what_listens(place: &Place, at: SocketAddr) {
    let accounts = place.json(&["account", "list", "--limit", "200"]);
    let smb = accounts["items"]
        .as_array()
        .and_then(|all| all.iter().find(|a| a["segment"] == "smb" && a["status"] == "active"))
        .expect("an SMB account")
        .clone();
    let id = smb["source_id"].as_str().expect("an id");
    let (status, answer) = signal(at, id, "whsec_d3Jvbmcgc2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXM=");
    assert_eq!(status, 401, "a wrong signature: {answer}");
    let (status, answer) = signal(at, "nobody", SECRET);
    assert_eq!(status, 422, "an unknown account: {answer}");
    let (status, answer) = signal(at, id, SECRET);
    assert_eq!((status, answer["new"].as_array().map(Vec::len)), (202, Some(1)), "{answer}");
    let (status, answer) = signal(at, id, SECRET);
    assert_eq!((status, answer["new"].as_array().map(Vec::len)), (202, Some(0)), "{answer}");
    let name = smb["name"].as_str().expect("a name");
    eventually("the onboarding of the account begins", || {
        let runs = place.json(&["run", "list", "--playbook", "onboarding-smb", "--account", name]);
        runs["total"] == 1
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_finds_an_empty_database_says_what_to_do() {
    let place = Place::new().await;
    let output = place.command(&["status"]).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("playgate migrate"), "{text}");
}

/// Asks a worker something; status and text.
fn ask(at: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(at).expect("the worker answers");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the worker listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the worker answers");
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_program_works_on_beside_a_newer_schema_and_does_not_start_on_it() {
    let place = Place::new().await;
    place.run(&["migrate"]);
    place.run(&["playbook", "load"]);
    place.run(&["policy", "activate"]);
    place.run(&["sample", "--accounts", "40", "--seed", "5"]);
    let token = place.json(&["access", "token", "admin@localhost"])["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let (server, at) = place.server();
    let (worker, health) = place.listening_worker();
    place.run(&["playbook", "tick", "renewal"]);
    let waiting = || {
        let (status, page) = http(at, "GET", "/v1/approvals?status=waiting", &token, None);
        assert_eq!(status, 200, "{page}");
        page["items"].as_array().cloned().unwrap_or_default()
    };
    eventually("two drafts wait", || waiting().len() >= 2);

    // Tomorrow's program adds to the schema while today's is at work.
    place.by_hand(
        "BEGIN; ALTER TABLE runs ADD COLUMN mood TEXT NOT NULL DEFAULT 'fine'; \
         ALTER TABLE messages ADD COLUMN mood TEXT NOT NULL DEFAULT 'fine'; \
         CREATE TABLE moods (name TEXT PRIMARY KEY); CREATE INDEX runs_by_mood ON runs (mood); \
         INSERT INTO migrations (name, checksum, applied_at, program) \
         VALUES ('9999_mood', 'x', 0, '7.8.9'); COMMIT",
    );
    for (sent, item) in (1..).zip(&waiting()[..2]) {
        let id = item["approval"]["id"].as_str().expect("an id");
        let binding = item["approval"]["version"]["binding"].clone();
        let path = format!("/v1/approvals/{id}/approve");
        let (status, answer) =
            http(at, "POST", &path, &token, Some(&json!({ "binding": binding })));
        assert_eq!(status, 200, "{answer}");
        eventually("the letter leaves", || place.mail() == sent);
        let run = item["approval"]["run"].as_str().expect("a run");
        eventually("its run goes on", || {
            let (_, view) = http(at, "GET", &format!("/v1/runs/{run}"), &token, None);
            view["run"]["progress"]["phase"]["phase"] != "awaiting_delivery"
        });
    }

    for arguments in [&["status"][..], &["worker"], &["serve", "--no-worker"], &["migrate"]] {
        let output = place.command(arguments).output().expect("the program starts");
        let says = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?} works on a schema it does not know");
        assert!(says.contains("use playgate 7.8.9 or a newer version"), "{arguments:?}: {says}");
    }

    let (status, says) = ask(health, "/healthz");
    assert_eq!(status, 200, "{says}");
    assert!(says.contains(r#""status":"ok""#) && !says.contains(r#""last_claim":null"#), "{says}");
    let (status, says) = ask(health, "/metrics");
    assert_eq!(status, 200, "{says}");
    for name in
        ["playgate_turns_total", "playgate_turn_batches_total", "playgate_leases_lost_total"]
    {
        assert!(says.contains(name), "{name}: {says}");
    }
    let turns = says.lines().find_map(|line| line.strip_prefix("playgate_turns_total "));
    assert!(turns.and_then(|turns| turns.parse::<u64>().ok()) > Some(2), "{turns:?}");
    assert!(says.contains("playgate_deliveries_total{channel=\"email\",outcome=\"delivered\"} 2"));
    assert!(
        says.contains("\nplaygate_runs_due ") && says.contains("\nplaygate_oldest_due_seconds ")
    );
    worker.stop();
    server.stop();
}
