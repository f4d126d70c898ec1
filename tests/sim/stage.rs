//! What every seed begins with: playbooks, policies, people and customers, in a file that is copied.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result, ensure};
use cli::assets::{self, Kind};
use domain::{
    account::{AccountStatus, Lifecycle, Money, Segment, Tier},
    clock::Clock,
    contact::{Consent, ContactRole},
    id::UserId,
    port::{Access as _, Catalogue as _, Intake as _, PlaybookVersion, PolicyVersion, Writer},
    record::{Absorbed, AccountRow, ContactRow, Priority, Record, Row, TicketRow},
    user::{Actor, Role, User},
};
use engine::Compiled;
use jiff::{Timestamp, civil::Date};
use playbook::Plan;
use policy::Policy;
use store::{Options, Store};

use super::{
    sync::Backstage,
    time::{ProcessClock, Time},
};
use crate::chaos::chance::Chance;

/// Customers there are.
pub const ACCOUNTS: u64 = 2;

/// The source customers come from.
pub const SOURCE: &str = "crm";

/// Signals that start something.
pub const STARTS: [&str; 2] = ["sim.asked", "sim.dropped"];

/// The signal that is waited for.
pub const REPLY: &str = "email.replied";

const HEAD: &str = "owner: cs-ops@example.com
stage: crawl
goal: adoption
kind: proactive
objective: Every step is taken once, whatever dies meanwhile.
duration: { weeks: [1, 8] }
metrics: [adoption_rate]
pitfalls: [None known.]
";

const CARE: &str = r#"trigger: { on: event, signal: sim.asked }
once_per: { account: 20d }
sends_per_hour: 3
steps:
  - id: assess
    route_risk: { prompt: route-risk }
  - id: note
    create_task: { for: csm, title: "Prepare {{ account.name }}", due: 30d }
  - id: letter
    send_email: { to: [champion, admin], class: relationship, asset: hello, prompt: outreach }
  - id: reply
    if: steps.letter.outcome == "sent"
    wait_for: { signal: email.replied, up_to: 7d }
  - id: answered
    branch:
      - { if: steps.reply.outcome == "received", go_to: thanks }
      - { go_to: offer }
  - id: offer
    send_email: { to: [economic_buyer, champion], class: commercial, asset: hello, prompt: outreach, channel: webhook }
  - id: REST
    wait: 14d
EXTRA  - id: call
    human_task: { for: csm, title: "Call {{ account.name }}", due: 2d, up_to: 10d }
  - id: thanks
    notify_team: { team: csm_manager, text: "{{ account.name }} was cared for" }
"#;

const ROUND: &str = r#"trigger: { on: schedule, cron: "0 6 3 6 *" }
once_per: { account: 20d }
steps:
  - id: sum_up
    summarize_account: { prompt: summarize-account }
  - id: owner
    assign_owner: { to: csm_manager, reason: "The round of {{ account.name }}" }
  - id: notice
    send_email: { to: [champion], class: transactional, asset: hello, prompt: outreach }
  - id: settle
    wait: 3d
  - id: agree
    human_task: { for: csm, title: "Agree with {{ account.name }}", due: 5d }
"#;

const ALARM: &str = r#"trigger: { on: event, signal: sim.dropped, when: account.status == "active" }
once_per: { account: 10d }
priority: urgent
concurrency: 1
steps:
  - id: support
    if: tickets.open_p1 > 0
    escalate: { to: csm_manager, reason: "{{ account.name }} has a P1 ticket", due: 1d }
  - id: stage
    update_field: { lifecycle: growth }
  - id: ask
    send_survey: { to: [champion], class: relationship, asset: hello, prompt: outreach, channel: webhook, survey: nps }
  - id: reply
    wait_for: { signal: email.replied, up_to: 2d }
"#;

const WELCOME: &str = r#"trigger: { on: lifecycle, enters: onboarding }
steps:
  - id: kickoff
    human_task: { for: csm, title: "Kick {{ account.name }} off", due: 2d, up_to: 20d }
  - id: first
    if: steps.kickoff.outcome == "done"
    send_email: { to: [champion], class: relationship, asset: hello, prompt: outreach }
"#;

const HELLO: &str = "---\nkind: email_template\nsubject: Hello {{ account.name }}\n---\nDear {{ contact.first }},\n\nthis is for you.\n\nYour team\n";

/// What policy says besides the shipped files: rounds are announced without a person.
const CUSTOMER_FACING: &str = r#"policy: customer-facing
owner: cs-ops@example.com
purpose: Nothing reaches a customer before a person has read it, rounds excepted.
review_by: 2030-06-30

rules:
  - id: customer-facing-is-reviewed
    when: intent.audience == "customer" && intent.playbook != "sim-round"
    verdict: review
    reason: every customer-facing action is read by a person first
    reviewer: csm
  - id: rounds-go-alone
    when: intent.playbook == "sim-round"
    verdict: allow
    reason: rounds are announced to everybody
"#;

/// The names of the playbooks.
pub const PLAYBOOKS: [&str; 4] = ["sim-care", "sim-round", "sim-alarm", "sim-welcome"];

/// Everything a seed begins with. Its folder goes when this is dropped.
pub struct Stage {
    folder: tempfile::TempDir,
    /// Two versions of all playbooks.
    versions: [Vec<PlaybookVersion>; 2],
    /// Two policies.
    policies: [PolicyVersion; 2],
    plans: BTreeMap<String, Arc<Plan>>,
    /// All versions there will be, compiled.
    compiled: Compiled,
    /// People who decide.
    pub people: Vec<UserId>,
    /// When every seed begins, in microseconds since 1970.
    pub beginning: i64,
}

impl Stage {
    /// Makes the file, in memory where there is a disk in memory.
    pub fn set(backstage: &Backstage) -> Result<Self> {
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("playgate-sim-").tempdir_in(place)?;
        let beginning: Timestamp = "2026-03-02T08:00:00Z".parse()?;
        let versions = [compile(beginning, false)?, compile(beginning, true)?];
        let policies = [policy(beginning, "")?, policy(beginning, "\n# Looked through.\n")?];
        let mut plans = BTreeMap::new();
        let compiled = Compiled::default();
        for version in versions.iter().flatten() {
            plans.insert(version.version.clone(), compiled.plan_of(version)?);
        }
        for policy in &policies {
            compiled.policy_of(policy)?;
        }
        let mut stage = Self {
            folder,
            versions,
            policies,
            plans,
            compiled,
            people: Vec::new(),
            beginning: beginning.as_microsecond(),
        };
        backstage.wait(stage.fill())?;
        Ok(stage)
    }

    async fn fill(&mut self) -> Result<()> {
        let time = Arc::new(Time::at(self.beginning));
        let clock = Arc::new(ProcessClock::new(Arc::clone(&time), Chance::new(0)));
        let options = Options { lease_clock: Some(time), ..Options::default() };
        let path = self.template().display().to_string();
        let seam: Arc<dyn Clock> = Arc::<ProcessClock>::clone(&clock);
        let store = Store::open_with(&path, seam, &options).await?;
        store.migrate().await?;
        let (now, by) = (clock.now(), Actor::Engine);
        store.load_playbooks(&self.versions[0], &by, now).await?;
        store.activate_policy(&self.policies[0], &by, now).await?;
        for (name, role) in [("Mara", Role::Csm), ("Ben", Role::CsmManager), ("Ida", Role::Admin)] {
            let user = User {
                id: UserId::new(&*clock),
                email: format!("{}@vendor.example", name.to_lowercase()),
                name: name.to_owned(),
                role,
                since: None,
                disabled_at: None,
            };
            self.people.push(store.add_user(&user, &by, now).await?.id);
        }
        let mut records = Vec::new();
        for number in 0..ACCOUNTS {
            records.push(record(&account_id(number), &Row::Account(account(number))));
        }
        for number in 0..ACCOUNTS {
            for who in 0..3 {
                let id = contact_id(number, who);
                records.push(record(&id, &Row::Contact(contact(number, who, Consent::Granted))));
            }
        }
        let done = store.absorb(SOURCE, records, now, false).await?;
        ensure!(done.iter().all(|done| *done == Absorbed::Inserted), "customers: {done:?}");
        store.close().await;
        Ok(())
    }

    fn template(&self) -> PathBuf {
        self.folder.path().join("template.sqlite")
    }

    /// A copy of the file for a seed; whoever drops it removes it.
    pub fn copy(&self, seed: u64) -> Result<Copy> {
        let file = self.folder.path().join(format!("{seed}.sqlite"));
        fs::copy(self.template(), &file)
            .with_context(|| format!("`{}` cannot be copied", self.template().display()))?;
        Ok(Copy(file))
    }

    /// The plan of a version.
    pub fn plan(&self, version: &str) -> Option<Arc<Plan>> {
        self.plans.get(version).map(Arc::clone)
    }

    /// All versions there will be, compiled.
    pub fn compiled(&self) -> Compiled {
        self.compiled.clone()
    }

    /// All playbooks in one of two versions.
    pub fn playbooks(&self, second: bool) -> &[PlaybookVersion] {
        &self.versions[usize::from(second)]
    }

    /// One of two policies.
    pub const fn policy(&self, second: bool) -> &PolicyVersion {
        &self.policies[if second { 1 } else { 0 }]
    }

    /// The writer, which needs no model.
    pub fn writer(clock: Arc<dyn Clock>) -> Result<Arc<dyn Writer>> {
        cli::adapters::writer(&cli::config::Config::default(), clock)
    }
}

/// A seed's own database file.
pub struct Copy(PathBuf);

impl Copy {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            // What is not there need not go.
            let _ = fs::remove_file(format!("{}{end}", self.0.display()));
        }
    }
}

fn compile(now: Timestamp, second: bool) -> Result<Vec<PlaybookVersion>> {
    let (rest, extra) = if second {
        ("pause", "  - id: log\n    create_task: { for: csm, title: \"Log it\", due: 9d }\n")
    } else {
        ("rest", "")
    };
    let care = CARE.replace("REST", rest).replace("EXTRA", extra);
    let again = |text: &str| if second { format!("{text}# Again.\n") } else { text.to_owned() };
    let texts = [care, again(ROUND), again(ALARM), again(WELCOME)];
    let mut versions = Vec::new();
    for (name, text) in PLAYBOOKS.iter().zip(texts) {
        let files = vec![
            (format!("{name}.yaml"), format!("playbook: {name}\ntitle: {name}\n{HEAD}{text}")),
            (format!("{name}/hello.md"), HELLO.to_owned()),
        ];
        let plan = Plan::compile(&files)?;
        versions.push(PlaybookVersion {
            name: plan.name,
            version: plan.version,
            files,
            active: true,
            concurrency: plan.concurrency,
            loaded_at: now,
        });
    }
    Ok(versions)
}

fn policy(now: Timestamp, remark: &str) -> Result<PolicyVersion> {
    let mut files = assets::files(Kind::Policies, None)?;
    for (name, text) in &mut files {
        if name.starts_with("customer-facing") {
            *text = format!("{CUSTOMER_FACING}{remark}");
        }
    }
    let version = Policy::compile(&files)?.version().to_owned();
    Ok(PolicyVersion { version, files, activated_at: now })
}

/// How the source names an account.
pub fn account_id(number: u64) -> String {
    format!("A-{number}")
}

/// How the source names a contact.
pub fn contact_id(number: u64, who: u64) -> String {
    format!("C-{number}-{who}")
}

/// A record as a source hands it in.
pub fn record(id: &str, row: &Row) -> Record {
    crate::record(id, row)
}

/// An account as it is at first.
pub fn account(number: u64) -> AccountRow {
    let day = |text: &str| -> Option<Date> { text.parse().ok() };
    AccountRow {
        name: format!("Customer {number}"),
        domain: None,
        industry: None,
        employees: Some(40),
        segment: Some(Segment::Smb),
        tier: Some(Tier::TechTouch),
        lifecycle: Some(Lifecycle::Adoption),
        status: Some(AccountStatus::Active),
        csm_email: Some("mara@vendor.example".to_owned()),
        csm_name: None,
        csm_since: None,
        region: Some("DE".to_owned()),
        time_zone: Some("Europe/Berlin".to_owned()),
        arr: Some(Money::from_major(12_000.0, "EUR")),
        contract_start: day("2025-04-20"),
        renewal_date: day("2026-12-20"),
        health: Some(70.0),
    }
}

/// A contact of an account, with this consent.
pub fn contact(number: u64, who: u64, consent: Consent) -> ContactRow {
    let (first, role) = match who {
        0 => ("Aylin", ContactRole::Champion),
        1 => ("Bruno", ContactRole::EconomicBuyer),
        _ => ("Chiara", ContactRole::Admin),
    };
    ContactRow {
        account: account_id(number),
        email: Some(format!("{}-{number}@customer.example", first.to_lowercase())),
        first: first.to_owned(),
        last: "Muster".to_owned(),
        title: None,
        role,
        phone: None,
        locale: None,
        time_zone: None,
        consent,
        opted_out_at: None,
    }
}

/// A ticket of an account, open or closed.
pub fn ticket(number: u64, opened: Timestamp, closed: Option<Timestamp>) -> TicketRow {
    TicketRow {
        account: account_id(number),
        contact: None,
        subject: "It does not start".to_owned(),
        body: "It did yesterday.".to_owned(),
        priority: Priority::P1,
        opened_at: opened,
        closed_at: closed,
        first_response_minutes: None,
        csat: None,
        escalated: false,
    }
}
