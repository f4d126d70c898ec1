//! `playgate privacy erase`: a person's data destroyed, with a receipt.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use domain::{
    erasure::{Erased, Erasure, Footprint},
    user::Permission,
};
use serde_json::json;

use crate::{
    app::App, arguments::Erase, bad_input, command::privacy::contacts, output::Append as _, person,
};

/// Runs the command.
pub async fn run(app: &App, erase: Erase) -> anyhow::Result<()> {
    let by = app.actor(Permission::Erase).await?;
    let found = contacts(app, &erase.contact).await?;
    let mut here = Vec::new();
    for contact in &found {
        if let Some((footprint, None)) = person::look(app, *contact).await? {
            here.push(footprint);
        }
    }
    if erase.preview {
        return app.out.answer(&json!({ "would_erase": here }), preview(&here).trim_end());
    }
    if !here.is_empty() && !erase.yes {
        confirm(app, &erase.contact, &here)?;
    }
    let mut receipts = Vec::new();
    let mut text = String::new();
    for contact in found {
        match person::erase(app, contact, &by).await? {
            Erased::Now(receipt) => {
                tell(&mut text, &receipt, "was erased");
                receipts.push(answer(&receipt, true));
            }
            Erased::Before(receipt) => {
                tell(&mut text, &receipt, "had been erased before");
                receipts.push(answer(&receipt, false));
            }
            Erased::NotFound => bad_input!("contact `{contact}` is gone"),
        }
    }
    app.run_if_embedded().await?;
    app.out.answer(&json!({ "receipts": receipts }), text.trim_end())
}

fn answer(receipt: &Erasure, now: bool) -> serde_json::Value {
    json!({ "receipt": receipt, "sha256": receipt.hash(), "erased_now": now })
}

fn preview(here: &[Footprint]) -> String {
    if here.is_empty() {
        return "Nothing is left to erase.".to_owned();
    }
    let mut text = String::new();
    for one in here {
        text.append(format_args!(
            "{}, at account {}:\n  - {} texts written to them, here and in archives, become \
             unreadable for ever{}\n  - {} drafts to them that wait are cancelled, {} messages in \
             the outbox are not sent, and what reviewers wrote of drafts to them goes\n  - name, address, number and title go; {} tickets, {} \
             answers to surveys and {} mails of theirs lose their words and keep their dates and \
             scores\n  - other texts of the account, and what runs remember, lose their name, \
             addresses and numbers\n",
            one.contact,
            one.account,
            one.letters,
            if one.key { "" } else { " (there is no key)" },
            one.drafts,
            one.messages,
            one.tickets,
            one.surveys,
            one.emails,
        ));
    }
    text
}

/// Asks for the id or address once more: nothing brings back what is erased.
fn confirm(app: &App, asked: &str, here: &[Footprint]) -> anyhow::Result<()> {
    if app.out.is_json() || !io::stdin().is_terminal() {
        bad_input!(
            "nothing was erased: say --yes to erase without being asked, or --preview to see what \
             would go"
        );
    }
    app.out.say(preview(here).trim_end());
    app.out.say(&format!("This cannot be undone. Type `{asked}` to erase:"));
    io::stderr().flush()?;
    let mut typed = String::new();
    io::stdin().lock().read_line(&mut typed)?;
    if typed.trim() != asked {
        bad_input!("nothing was erased: what you typed is not `{asked}`");
    }
    Ok(())
}

fn tell(text: &mut String, receipt: &Erasure, was: &str) {
    let Erasure { id, contact, at, destroyed, .. } = receipt;
    text.append(format_args!(
        "{contact} {was}. Receipt {id}, {} UTC:\n  - {}; {} texts in the database do not open any \
         more, nor does anything in archives\n  - {} drafts cancelled, {} messages stopped, reviewers' words of {} drafts gone\n  - \
         words of {} tickets, {} answers to surveys and {} mails gone, {} other texts without \
         their name\n  - {} placeholders of runs forgotten\n  SHA-256 of the receipt, as in the \
         audit trail (stream `privacy`): {}\n",
        at.strftime("%Y-%m-%d %H:%M:%S"),
        if destroyed.key { "their key was destroyed" } else { "there was no key to destroy" },
        destroyed.letters,
        destroyed.drafts,
        destroyed.messages,
        destroyed.notes,
        destroyed.tickets,
        destroyed.surveys,
        destroyed.emails,
        destroyed.mentions,
        destroyed.placeholders,
        receipt.hash(),
    ));
}
