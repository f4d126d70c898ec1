//! `playgate archive`: move what is over into files, list them, look into them, give room back.

use std::{collections::BTreeSet, path::Path, time::Duration};

use domain::{
    archive::{Archive as Record, Due, FLOOR_DAYS},
    draft::Manuscript,
    id::RunId,
    page::in_words,
    port::{History as _, Ledger as _},
    user::Permission,
};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{App, duration},
    archive::{
        self, check, content,
        file::Reading,
        keeper::{self, days_long},
        line::RunLine,
        pass::Manner,
    },
    arguments::{Archive, ArchiveCommand},
    audit, bad_input,
    command::run::line,
    output::Append as _,
};

/// Runs the command.
pub async fn run(app: &App, command: Archive) -> anyhow::Result<()> {
    match command.command {
        None => move_out(app, &command).await,
        Some(ArchiveCommand::List) => list(app).await,
        Some(ArchiveCommand::Show { id }) => show(app, id.parse()?).await,
        Some(ArchiveCommand::Shrink) => shrink(app).await,
    }
}

/// A number of things of which `counted` were counted.
fn up_to(number: i64, counted: i64) -> String {
    in_words(u64::try_from(number).unwrap_or(0), counted < Due::MOST)
}

async fn move_out(app: &App, command: &Archive) -> anyhow::Result<()> {
    let by = app.actor(Permission::Administer).await?;
    let floor = days_long(FLOOR_DAYS);
    let age = match (&command.older_than, app.config.retention.runs_days) {
        (Some(text), _) => duration(text)?,
        (None, Some(days)) => days_long(days),
        (None, None) => {
            bad_input!("`retention.runs_days` is null: say how old with --older-than, as in 400d")
        }
    };
    if age < floor {
        bad_input!(
            "what is auditable is kept for {FLOOR_DAYS} days at least (GV-01: AI Act, articles 19 \
             and 26(6)); give --older-than {FLOOR_DAYS}d or more"
        );
    }
    let manner = Manner {
        before: archive::before(app, age),
        usage_before: app
            .config
            .retention
            .usage_days
            .map(|days| archive::before(app, days_long(days)).to_zoned(TimeZone::UTC).date()),
        folder: archive::folder_or_refuse(&app.config)?,
        by,
        batch: 200,
        pause: Duration::from_millis(20),
        patient: false,
    };
    let day = manner.before.strftime("%Y-%m-%d");
    if !command.apply {
        app.store.checkpoint(app.clock.now()).await?;
        let due = app.store.due(manner.before).await?;
        let text = format!(
            "Over since before {day} and not needed here any longer: {} runs with {} events, {} \
             events of other streams, the heads of {} checkpoints.\nThey would go to files in \
             `{}`; {} old signals would be forgotten. Say --apply to do it.",
            up_to(due.runs, due.runs),
            up_to(due.run_events, due.runs),
            up_to(due.stream_events, due.stream_events),
            up_to(due.checkpoints, due.checkpoints),
            manner.folder.display(),
            up_to(due.signals, due.signals)
        );
        return app.out.answer(&due, &text);
    }
    let stop = CancellationToken::new();
    let Some(done) = keeper::once(app, &manner, &stop).await? else {
        bad_input!("another process is archiving at the moment; look again with `playgate archive`")
    };
    let mut text = format!(
        "{} runs, {} stretches of other streams and the heads of {} checkpoints left for {} files \
         in `{}`; {} signals and {} days of use were forgotten.",
        done.runs,
        done.stretches,
        done.checkpoints,
        done.files,
        manner.folder.display(),
        done.signals,
        done.usage_days
    );
    if done.broken > 0 {
        text.append(format_args!(
            "\n{} runs stay because their events do not verify: see `playgate audit verify`.",
            done.broken
        ));
    }
    let slack = app.store.slack().await?;
    if !slack.by_steps && slack.free * 10 > slack.bytes {
        text.append(format_args!(
            "\n{} of {} MB of the database file are free: `playgate archive shrink` gives them \
             back.",
            slack.free >> 20,
            slack.bytes >> 20
        ));
    }
    app.out.answer(&done, &text)
}

async fn list(app: &App) -> anyhow::Result<()> {
    app.require(Permission::Audit).await?;
    let archives = audit::archives(&*app.ledger).await?;
    let day = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    let rows = archives
        .iter()
        .map(|archive| {
            vec![
                archive.name.clone(),
                format!("{} {}", archive.items, archive.kind),
                archive.events.to_string(),
                format!("{} KiB", (archive.bytes + 1023) >> 10),
                format!("{} to {}", day(archive.first_at), day(archive.last_at)),
                day(archive.archived_at),
            ]
        })
        .collect();
    let columns = ["file", "holds", "events", "size", "of", "written"];
    app.out.list(&archives, &columns, rows, "Nothing was archived yet.")?;
    if let Some(folder) = archive::folder(&app.config) {
        let known: BTreeSet<&str> = archives.iter().map(|one| one.name.as_str()).collect();
        for name in check::leftovers(&folder, &known) {
            app.out.say(&leftover(&name));
        }
    }
    Ok(())
}

/// What a file is that nobody noted.
pub fn leftover(name: &str) -> String {
    format!(
        "`{name}` is of a pass that ended before the file was noted; nothing left the database \
         for it, and it may be deleted."
    )
}

/// The archive a run went to, if it did.
pub async fn of_run(app: &App, id: RunId) -> anyhow::Result<Option<Record>> {
    let name = id.to_string();
    let Some(last) = app.ledger.archived_of(&[&name]).await?.pop() else { return Ok(None) };
    Ok(app.ledger.archives(last.archive - 1, 1).await?.pop())
}

async fn show(app: &App, id: RunId) -> anyhow::Result<()> {
    app.require(Permission::Audit).await?;
    let Some(archive) = of_run(app, id).await? else {
        bad_input!("run `{id}` was not archived; `playgate run show {id}` shows one that is here");
    };
    let folder = archive::folder_or_refuse(&app.config)?;
    let path = folder.join(&archive.name);
    let found = tokio::task::spawn_blocking(move || find(&path, id)).await??;
    let Some(run) = found else {
        anyhow::bail!("archive `{}` does not hold run `{id}`; verify it", archive.name);
    };
    let vault = app.vault();
    let rows = match &run.private {
        Some(private) => content::open(vault, private).await.ok(),
        None => None,
    };
    let mut letters = Vec::new();
    for content in &run.contents {
        let opened = vault.open_bytes(content.id, content.subject, &content.bytes).await;
        letters.push(match opened {
            Ok(plain) => serde_json::from_slice::<Manuscript>(&plain)
                .map_or(Value::Null, |manuscript| json!(manuscript.letter)),
            Err(_) => Value::Null,
        });
    }
    let names = app.names().await?;
    let timeline: Vec<_> =
        run.stored().iter().map(|event| server::timeline::entry(event, &names)).collect();
    let mut text = format!("{id}, archived in `{}`\n", archive.name);
    for entry in &timeline {
        text.push('\n');
        text.push_str(&line(entry));
    }
    for (content, letter) in run.contents.iter().zip(&letters) {
        match letter {
            Value::Null => {
                text.append(format_args!("\n\n{} was erased or does not open.", content.id));
            }
            letter => text.append(format_args!(
                "\n\n{}\n{}",
                letter["subject"].as_str().unwrap_or_default(),
                letter["body"].as_str().unwrap_or_default()
            )),
        }
    }
    let answer = json!({
        "archive": archive.name,
        "run": id,
        "outline": run.outline,
        "rows": rows,
        "letters": letters,
        "timeline": timeline,
    });
    app.out.answer(&answer, &text)
}

fn find(path: &Path, id: RunId) -> anyhow::Result<Option<RunLine>> {
    let mut reading = Reading::open(path)?;
    while let Some(run) = reading.line::<RunLine>()? {
        if run.run == id {
            return Ok(Some(run));
        }
    }
    Ok(None)
}

async fn shrink(app: &App) -> anyhow::Result<()> {
    app.require(Permission::Administer).await?;
    if !app.config.is_embedded() {
        bad_input!(
            "PostgreSQL reuses the room by itself (autovacuum). To give it back to the disk, run \
             `VACUUM FULL` in a quiet hour, or pg_repack, as the database's owner"
        );
    }
    let before = app.store.slack().await?;
    if before.by_steps {
        while app.store.shrink().await? {}
    } else {
        let _lock = app.take_over_or_refuse()?;
        app.store.rewrite().await?;
    }
    let after = app.store.slack().await?;
    app.out.answer(
        &json!({ "before": before.bytes, "after": after.bytes }),
        &format!(
            "The database has {} KiB, it had {} KiB.",
            (after.bytes + 1023) >> 10,
            (before.bytes + 1023) >> 10
        ),
    )
}
