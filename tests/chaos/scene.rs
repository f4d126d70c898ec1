//! A folder with everything a chaos run needs: configuration, playbooks, customers, keys, books.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The two playbooks: five steps each, with one gate between the third and the fourth.
pub const PLAYBOOKS: [&str; 2] = ["drill-letter", "drill-task"];

/// The signals that start them.
pub const SIGNALS: [&str; 2] = ["drill.letter_asked", "drill.task_asked"];

/// The step that waits for a person, in both.
pub const GATE: &str = "gate";

/// The steps that leave a task behind, gate aside.
pub const TASKS: [&str; 4] = ["one", "three", "four", "five"];

/// All steps.
pub const STEPS: [&str; 6] = ["one", "two", "three", GATE, "four", "five"];

/// Customers there are.
pub const ACCOUNTS: u64 = 40;

const HEAD: &str = r"type: playbook
owner: cs-ops@example.com
stage: crawl
goal: adoption
kind: proactive
objective: Every step is taken once, whatever dies meanwhile.
duration: { weeks: [1, 1] }
metrics: [adoption_rate]
pitfalls: [None known.]
trigger:
  on: event
";

const BEFORE: &str = r#"steps:
  - id: one
    create_task: { for: csm, title: "Prepare {{ account.name }}", due: 30d }
  - id: two
    update_field: { lifecycle: growth }
  - id: three
    notify_team: { team: csm_manager, text: "Drill for {{ account.name }}" }
"#;

const LETTER: &str = r"  - id: gate
    send_email: { to: [champion], class: relationship, asset: hello, prompt: outreach }
";

const TASK: &str = r#"  - id: gate
    human_task: { for: csm, title: "Let the drill for {{ account.name }} go on", due: 1h, up_to: 10d }
"#;

const AFTER: &str = r#"  - id: four
    create_task: { for: csm, title: "Follow up with {{ account.name }}", due: 30d }
  - id: five
    notify_team: { team: csm_manager, text: "Drill for {{ account.name }} is over" }
"#;

const ASSET: &str = "---\nkind: email_template\nsubject: Hello from us\n---\nDear {{ contact.first }},\n\nthis is a drill.\n\nYour team\n";

/// How a scene is set.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The database; none means SQLite in `data`.
    pub database: Option<String>,
    /// Where SQLite keeps its file; none means `data` in the scene's folder.
    pub data: Option<PathBuf>,
    /// The mail sink.
    pub smtp: SocketAddr,
    /// Seconds until a run or a delivery may be taken over.
    pub lease_seconds: u32,
}

/// A folder with everything in it.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The folder.
    pub folder: PathBuf,
    /// The program under test.
    pub playgate: PathBuf,
}

impl Scene {
    /// A scene in this folder. `playgate` is looked for beside this program unless it is named.
    pub fn at(folder: &Path, playgate: Option<&Path>) -> Result<Self> {
        let playgate = match playgate {
            Some(named) => named.to_owned(),
            None => std::env::current_exe()?.with_file_name("playgate"),
        };
        ensure!(
            playgate.exists(),
            "there is no `{}`; build it (`cargo build -p cli`) or name it with --playgate",
            playgate.display()
        );
        Ok(Self { folder: folder.to_owned(), playgate })
    }

    /// A scene that is set already, to look at its books.
    pub fn open(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), playgate: PathBuf::new() }
    }

    /// The same scene with a copy of the program in its folder, so that building anew does not
    /// change it under a run.
    pub fn with_copy(self) -> Result<Self> {
        self.with_copy_named("playgate")
    }

    /// The same, where there are several programs.
    pub fn with_copy_named(mut self, name: &str) -> Result<Self> {
        let copy = self.folder.join(name);
        fs::copy(&self.playgate, &copy)
            .with_context(|| format!("`{}` cannot be copied", self.playgate.display()))?;
        self.playgate = copy;
        Ok(self)
    }

    /// The token the client signs in with.
    pub fn token(&self) -> Result<String> {
        let file = self.folder.join("token");
        let text = fs::read_to_string(&file);
        let text = text.with_context(|| {
            format!("`{}` cannot be read; set the scene first: `chaos scene`", file.display())
        })?;
        Ok(text.trim().to_owned())
    }

    /// The configuration of every process.
    pub fn config(&self) -> PathBuf {
        self.folder.join("config.yaml")
    }

    /// The client's ledger.
    pub fn ledger(&self) -> PathBuf {
        self.folder.join("ledger.jsonl")
    }

    /// What the sink took.
    pub fn mail(&self) -> PathBuf {
        self.folder.join("mail.jsonl")
    }

    /// Writes the files and fills the database: schema, playbooks, policy, customers, a token.
    pub fn set(&self, setting: &Setting) -> Result<()> {
        self.write(setting)?;
        self.run(&["migrate"])?;
        self.run(&["playbook", "load"])?;
        self.run(&["policy", "activate"])?;
        let rows = self.folder.join("customers");
        self.run(&["import", &rows.display().to_string(), "--source", "drill"])?;
        let token = self.run(&["--json", "access", "token", "admin@localhost"])?;
        let token: Value = serde_json::from_slice(&token.stdout)?;
        let token = token["token"].as_str().context("`access token` shows no token")?;
        fs::write(self.folder.join("token"), token)?;
        Ok(())
    }

    fn write(&self, setting: &Setting) -> Result<()> {
        let data = setting.data.clone().unwrap_or_else(|| self.folder.join("data"));
        fs::create_dir_all(&data)?;
        ensure!(
            fs::read_dir(&data)?.next().is_none(),
            "`{}` holds data already; the reckoning would take it for today's",
            data.display()
        );
        let custom = self.folder.join("custom/playbooks");
        let parts = [(PLAYBOOKS[0], SIGNALS[0], LETTER), (PLAYBOOKS[1], SIGNALS[1], TASK)];
        for (name, signal, gate) in parts {
            fs::create_dir_all(custom.join(name))?;
            let text = format!(
                "playbook: {name}\ntitle: {name}\n{HEAD}  signal: {signal}\n{BEFORE}{gate}{AFTER}"
            );
            fs::write(custom.join(format!("{name}.yaml")), text)?;
        }
        fs::write(custom.join(PLAYBOOKS[0]).join("hello.md"), ASSET)?;
        let key = self.folder.join("master.key");
        fs::write(&key, "42".repeat(32))?;
        let quoted = |path: &Path| Value::from(path.display().to_string());
        let database = setting.database.as_deref().map_or(Value::Null, Value::from);
        let text = format!(
            "data: {data}\ndatabase: {database}\ncustom: {custom}\n\
             keys: {{ master_file: {key} }}\n\
             mail:\n  smtp: {{ host: \"{ip}\", port: {port}, security: plain, timeout_seconds: 3 }}\n\
             worker:\n  lease_seconds: {lease}\n  delivery_lease_seconds: {lease}\n\
             \u{20} delivery_attempts: 100\nlimits: {{ sends_per_hour: 0 }}\n",
            data = quoted(&data),
            custom = quoted(&self.folder.join("custom")),
            key = quoted(&key),
            ip = setting.smtp.ip(),
            port = setting.smtp.port(),
            lease = setting.lease_seconds,
        );
        fs::write(self.config(), text)?;
        self.write_customers()
    }

    fn write_customers(&self) -> Result<()> {
        let rows = self.folder.join("customers");
        fs::create_dir_all(&rows)?;
        let mut accounts = "source_id,name,status,csm_email,csm_name\n".to_owned();
        let mut contacts = "source_id,account,email,first,last,role,consent\n".to_owned();
        for number in 0..ACCOUNTS {
            let (id, number) = (account(number), number.to_string());
            accounts.extend([&id, ",Drill ", &number, ",active,mara@vendor.example,Mara\n"]);
            contacts.extend(["c", &number, ",", &id, ",drill-", &number]);
            contacts.push_str("@customer.example,Robin,Drill,champion,granted\n");
        }
        fs::write(rows.join("accounts.csv"), accounts)?;
        fs::write(rows.join("contacts.csv"), contacts)?;
        Ok(())
    }

    /// A call of the program under test, with the scene's configuration and no other environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.playgate);
        command.env_clear().arg("--config").arg(self.config()).args(arguments);
        command
    }

    /// Runs a command of the program under test, which must succeed.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        let output = self.command(arguments).output();
        let output = output.with_context(|| format!("`{}`", self.playgate.display()))?;
        ensure!(
            output.status.success(),
            "`playgate {}` ended with {}: {}{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(output)
    }
}

/// How the source names a customer.
pub fn account(number: u64) -> String {
    format!("D-{number}")
}
