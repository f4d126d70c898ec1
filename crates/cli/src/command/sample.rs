//! `playgate sample`: a fictional company, into the database or as CSV files.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
};

use anyhow::Context as _;
use domain::{
    id::UserId,
    port::{Access as _, Intake as _},
    record::Record,
    user::{Actor, Permission, User},
};
use sample::{Bundle, Company, Settings};
use serde_json::json;

use crate::{app::App, arguments::Sample, bad_input};

/// Records handed to the database in one transaction, about.
const BATCH: usize = 4000;
/// What the generator calls itself as a source.
pub const SOURCE: &str = "sample";

/// Runs the command against files only; needs no database.
pub fn to_files(
    out: crate::output::Output,
    sample: &Sample,
    today: jiff::civil::Date,
) -> anyhow::Result<()> {
    let Some(folder) = &sample.out else { bad_input!("`--out` is missing") };
    let company = company(sample, today)?;
    let mut files = connectors::export::Writer::create(folder)
        .with_context(|| format!("folder `{}` cannot be written", folder.display()))?;
    let mut truth = truth(sample)?;
    let bar = out.progress("accounts", sample.accounts);
    let mut rows = 0_u64;
    for bundle in company.bundles() {
        if let Some(truth) = &mut truth {
            serde_json::to_writer(&mut *truth, &bundle.destiny)?;
            truth.write_all(b"\n")?;
        }
        for record in &bundle.records {
            files.write(record)?;
            rows += 1;
        }
        bar.inc(1);
    }
    files.finish()?;
    if let Some(mut truth) = truth {
        truth.flush()?;
    }
    bar.finish_and_clear();
    out.answer(
        &json!({ "accounts": sample.accounts, "rows": rows, "folder": folder }),
        &format!("{} accounts, {rows} rows in `{}`.", sample.accounts, folder.display()),
    )
}

/// Runs the command against the database.
pub async fn run(app: &App, sample: &Sample) -> anyhow::Result<()> {
    let by = app.actor(Permission::Operate).await?;
    let company = company(sample, app.today())?;
    let mut truth = truth(sample)?;
    let rows = generate(app, &company, sample.accounts, &by, |bundle| {
        if let Some(truth) = &mut truth {
            serde_json::to_writer(&mut *truth, &bundle.destiny)?;
            truth.write_all(b"\n")?;
        }
        Ok(())
    })
    .await?;
    if let Some(mut truth) = truth {
        truth.flush()?;
    }
    app.out.answer(
        &json!({ "accounts": sample.accounts, "rows": rows }),
        &format!("{} accounts, {rows} rows.", sample.accounts),
    )
}

fn company(sample: &Sample, today: jiff::civil::Date) -> anyhow::Result<Company> {
    let company = Company::new(Settings {
        accounts: sample.accounts,
        seed: sample.seed,
        as_of: sample.as_of.unwrap_or(today),
        effect: sample.effect,
    });
    company.map_err(|err| crate::failure::BadInput(err.to_string()).into())
}

fn truth(sample: &Sample) -> anyhow::Result<Option<BufWriter<File>>> {
    sample
        .truth
        .as_ref()
        .map(|file| {
            File::create(file)
                .map(BufWriter::new)
                .with_context(|| format!("file `{}` cannot be written", file.display()))
        })
        .transpose()
}

/// Streams a company into the database; tells how many rows it has.
pub async fn generate(
    app: &App,
    company: &Company,
    accounts: u64,
    by: &Actor,
    mut each: impl FnMut(&Bundle) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let now = app.clock.now();
    for member in company.team() {
        let user = User {
            id: UserId::new(&*app.clock),
            email: member.email.clone(),
            name: member.name.clone(),
            role: member.role,
            since: Some(member.since),
            disabled_at: None,
        };
        app.store.add_user(&user, by, now).await?;
    }
    let bar = app.out.progress("accounts", accounts);
    let mut rows = 0_u64;
    let mut batch: Vec<Record> = Vec::with_capacity(BATCH + 1000);
    for bundle in company.bundles() {
        each(&bundle)?;
        batch.extend(bundle.records);
        bar.inc(1);
        if batch.len() >= BATCH {
            rows += batch.len() as u64;
            absorb(app, std::mem::take(&mut batch)).await?;
        }
    }
    rows += batch.len() as u64;
    absorb(app, batch).await?;
    bar.finish_and_clear();
    Ok(rows)
}

async fn absorb(app: &App, batch: Vec<Record>) -> anyhow::Result<()> {
    if !batch.is_empty() {
        app.store.absorb(SOURCE, batch, app.clock.now(), false).await?;
    }
    Ok(())
}
