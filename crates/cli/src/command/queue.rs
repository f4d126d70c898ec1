//! `playgate queue`: list, read and decide.

use std::io::{IsTerminal as _, Read as _};

use domain::{
    approval::RejectReason,
    draft::Binding,
    id::ApprovalId,
    page::PageRequest,
    port::{Desk as _, Opened, QueueFilter, QueueOrder, Reviewed, Ruling},
    user::Permission,
};

use crate::{
    app::App,
    arguments::{Queue, QueueCommand, QueueList},
    assets::read_text,
    bad_input,
    output::relative,
};

/// Runs the command.
pub async fn run(app: &App, queue: Queue) -> anyhow::Result<()> {
    match queue.command {
        None => list(app, &queue.list).await,
        Some(QueueCommand::List(filter)) => list(app, &filter).await,
        Some(QueueCommand::Show { id }) => {
            let user = app.require(Permission::Read).await?;
            let mut reviewed = app.desk.show(id.parse()?).await?;
            if !user.role.may(Permission::Inspect) {
                reviewed.conceal();
            }
            app.out.answer(&reviewed, &sheet(app, &reviewed))
        }
        Some(command) => decide(app, command).await,
    }
}

async fn list(app: &App, list: &QueueList) -> anyhow::Result<()> {
    let user = app.require(Permission::Read).await?;
    let now = app.clock.now();
    let mut filter = match list.status.as_deref() {
        None | Some("waiting") => QueueFilter::waiting(now),
        Some("all") => QueueFilter::all(),
        Some(status) => QueueFilter { status: Some(status.parse()?), ..QueueFilter::all() },
    };
    if list.mine {
        filter.assignee = Some(user.id);
    }
    filter.playbook.clone_from(&list.playbook);
    if let Some(account) = &list.account {
        filter.account = Some(app.account(account).await?.id);
    }
    if let Some(sort) = &list.sort {
        filter.order = sort.parse::<QueueOrder>()?;
    }
    let page = PageRequest { cursor: list.cursor.clone(), limit: list.limit.unwrap_or(50) };
    let page = app.desk.list(&filter, &page).await?;
    let rows = page
        .items
        .iter()
        .map(|item| {
            let approval = &item.approval;
            vec![
                approval.id.to_string(),
                approval.risk.to_string(),
                item.account_name.clone(),
                approval.action.to_string(),
                approval.playbook.clone(),
                item.assignee_name.clone().unwrap_or_else(|| "nobody".to_owned()),
                approval.version.author.label().to_owned(),
                if approval.state.status().as_str() == "waiting" {
                    format!("expires {}", relative(approval.due_at, now))
                } else {
                    approval.state.status().to_string()
                },
            ]
        })
        .collect();
    app.out.list(
        &page,
        &["approval", "risk", "account", "action", "playbook", "assignee", "written by", "state"],
        rows,
        "Nothing waits for a decision.",
    )?;
    if !app.out.is_json() {
        let shown = page.items.len();
        if let Some(next) = &page.next {
            app.out.say(&format!(
                "{shown} of {} shown; go on with --cursor {next}",
                page.total_in_words()
            ));
        } else if shown > 0 {
            app.out.say(&format!("{shown} of {}", page.total_in_words()));
        }
    }
    Ok(())
}

async fn decide(app: &App, command: QueueCommand) -> anyhow::Result<()> {
    let by = app.actor(Permission::Decide).await?;
    let (id, ruling, then_approve): (ApprovalId, Ruling, bool) = match command {
        QueueCommand::Approve { id, binding } => {
            let id = id.parse()?;
            let reviewed = app.desk.show(id).await?;
            let current = reviewed.item.approval.version.binding.clone();
            reviewed.item.approval.ensure_open().map_err(domain::port::DeskError::from)?;
            let seen = match binding {
                Some(given) if given.len() >= SHORTEST && current.as_str().starts_with(&given) => {
                    current
                }
                Some(given) => Binding::from_hex(&given),
                None if confirmed(app, &reviewed)? => current,
                None => bad_input!("nothing was approved"),
            };
            (id, Ruling::Approve { seen }, false)
        }
        QueueCommand::Edit { id, subject, body, body_file, approve } => {
            let id = id.parse()?;
            let reviewed = app.desk.show(id).await?;
            let Some(manuscript) = reviewed.current().and_then(|opened| opened.manuscript.clone())
            else {
                bad_input!("the draft's text was erased; it cannot be edited");
            };
            let body = match (body, body_file) {
                (Some(body), _) => body,
                (None, Some(file)) if file.as_os_str() == "-" => {
                    let mut text = String::new();
                    std::io::stdin().take(1 << 20).read_to_string(&mut text)?;
                    text
                }
                (None, Some(file)) => read_text(&file)?,
                (None, None) if subject.is_some() => manuscript.letter.body,
                (None, None) => bad_input!("give --subject, --body or --body-file"),
            };
            let ruling = Ruling::Edit {
                seen: reviewed.item.approval.version.binding,
                subject: subject.unwrap_or(manuscript.letter.subject),
                body,
            };
            (id, ruling, approve)
        }
        QueueCommand::Reject { id, reason, note } => {
            let reason: RejectReason = reason.parse()?;
            (id.parse()?, Ruling::Reject { reason, note }, false)
        }
        QueueCommand::Redraft { id, instruction } => {
            (id.parse()?, Ruling::Redraft { instruction }, false)
        }
        QueueCommand::Reassign { id, to } => {
            let to = app.user_by_email(&to).await?.id;
            (id.parse()?, Ruling::Reassign { to }, false)
        }
        QueueCommand::Snooze { id, duration } => {
            let wait = crate::app::duration(&duration)?;
            let until = app.clock.now().checked_add(wait)?;
            (id.parse()?, Ruling::Snooze { until }, false)
        }
        QueueCommand::List(_) | QueueCommand::Show { .. } => return Ok(()),
    };
    let mut reviewed = app.desk.rule(id, &by, ruling).await?;
    if then_approve {
        let seen = reviewed.item.approval.version.binding.clone();
        reviewed = app.desk.rule(id, &by, Ruling::Approve { seen }).await?;
    }
    let approval = &reviewed.item.approval;
    let text = format!(
        "{} is {} (version {}, by {}). {}",
        approval.id,
        approval.state.status(),
        approval.version.number,
        approval.version.author.label(),
        reviewed.verdict
    );
    app.out.answer(&reviewed, &text)
}

/// Digits of a fingerprint that are enough to name it.
const SHORTEST: usize = 12;

/// Shows an item to a person at a terminal and asks whether it may go. Anywhere else the caller
/// has to say what they saw.
fn confirmed(app: &App, reviewed: &Reviewed) -> anyhow::Result<bool> {
    if app.out.is_json() || !std::io::stdin().is_terminal() {
        bad_input!(
            "say which version you saw: add `--binding {}` if it is the one that \
             `playgate queue show {}` shows now",
            &reviewed.item.approval.version.binding.as_str()[..SHORTEST],
            reviewed.item.approval.id
        );
    }
    app.out.say(&sheet(app, reviewed));
    app.out.say("\nApprove exactly this? [y/N]");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Everything needed to decide, as text.
fn sheet(app: &App, reviewed: &Reviewed) -> String {
    use std::fmt::Write as _;
    let approval = &reviewed.item.approval;
    let now = app.clock.now();
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "{label:<12} {value}");
    };
    line("approval", &format!("{} ({})", approval.id, approval.state.status()));
    line("account", &format!("{} ({})", reviewed.item.account_name, reviewed.account.id));
    line(
        "why now",
        &format!(
            "{} trigger: {} {}{}",
            reviewed.cause.trigger,
            reviewed.cause.kind,
            relative(reviewed.cause.at, now),
            if reviewed.cause.condition.is_empty() {
                String::new()
            } else {
                format!(", because {}", reviewed.cause.condition)
            }
        ),
    );
    line(
        "playbook",
        &format!("{}, step {} ({})", approval.playbook, approval.step, approval.action),
    );
    line("risk", approval.risk.as_str());
    line("assignee", reviewed.item.assignee_name.as_deref().unwrap_or("nobody"));
    line("expires", &format!("{} ({})", approval.due_at, relative(approval.due_at, now)));
    line("verdict", &reviewed.verdict);
    line("binding", approval.version.binding.as_str());
    if let Some(opened) = reviewed.current() {
        text.push_str(&version_text(opened));
    }
    if reviewed.versions.len() > 1 {
        let _infallible = writeln!(text, "\n{} versions in all.", reviewed.versions.len());
    }
    text.trim_end().to_owned()
}

fn version_text(opened: &Opened) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let version = &opened.version;
    let _infallible = writeln!(
        text,
        "{:<12} {} (version {})",
        "written by",
        version.author.label(),
        version.number
    );
    for finding in &version.findings {
        let weight = if finding.blocking { "BLOCKS" } else { "note" };
        let _infallible = writeln!(text, "{weight:<12} {}: {}", finding.code, finding.detail);
    }
    let Some(manuscript) = &opened.manuscript else {
        text.push_str("\nThe text was erased.\n");
        return text;
    };
    let letter = &manuscript.letter;
    let _infallible = write!(
        text,
        "\nTo:      {} <{}> ({})\nVia:     {}, {}\nSubject: {}\n\n{}\n",
        letter.recipient.name,
        letter.recipient.address,
        letter.recipient.role,
        letter.channel,
        letter.class,
        letter.subject,
        letter.body
    );
    if !manuscript.facts.is_empty() {
        text.push_str("\nFacts it was written from (* used):\n");
        for fact in &manuscript.facts {
            let used = if manuscript.used.contains(&fact.id) { "*" } else { " " };
            let _infallible = writeln!(
                text,
                " {used} {:<4} {}: {} ({})",
                fact.id, fact.label, fact.value, fact.source
            );
        }
    }
    text
}
