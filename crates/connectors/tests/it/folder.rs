//! The mail folder: whole files, once each, and messages that cannot be broken from inside.

use std::fs;

use connectors::outlet::{Mail, MailFolder, Outlets};
use domain::{intent::Channel, message::DeliverError, port::Channels as _, user::Actor};

use crate::case::{Case, Handover, id, outlets, sender};

fn folder() -> (tempfile::TempDir, Outlets) {
    let dir = tempfile::tempdir().unwrap();
    let folder = MailFolder::open(dir.path().join("mail"), sender()).unwrap();
    (dir, outlets(Mail::Folder(folder), None))
}

fn files(dir: &tempfile::TempDir) -> Vec<String> {
    let entries = fs::read_dir(dir.path().join("mail")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

async fn written(case: &Case) -> String {
    let (dir, outlets) = folder();
    case.deliver(&outlets, &Handover::default()).await.unwrap();
    fs::read_to_string(dir.path().join("mail").join(format!("{}.eml", id()))).unwrap()
}

/// The headers, each on one line.
fn head(text: &str) -> String {
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    head.replace("\r\n ", " ") + "\r\n"
}

#[tokio::test]
async fn a_message_delivered_twice_is_one_file() {
    let (dir, outlets) = folder();
    assert!(outlets.dedupes(Channel::Email));
    let case = Case::new();
    let handover = Handover::default();
    let first = case.deliver(&outlets, &handover).await.unwrap();
    let second = case.deliver(&outlets, &handover).await.unwrap();
    assert!(first.note.contains("written"), "{first:?}");
    assert!(second.note.contains("already"), "{second:?}");
    assert_eq!(files(&dir), [format!("{}.eml", id())]);
    assert_eq!(handover.begun(), 2);
}

#[tokio::test]
async fn what_a_crash_left_behind_is_no_message_and_does_not_disturb_the_next_attempt() {
    let (dir, outlets) = folder();
    let case = Case::new();
    let draft = dir.path().join("mail").join(format!(".{}.eml.tmp", id()));
    fs::write(&draft, "half a mess".repeat(1000)).unwrap();
    case.deliver(&outlets, &Handover::default()).await.unwrap();
    assert_eq!(files(&dir), [format!("{}.eml", id())]);
    let text = fs::read_to_string(dir.path().join("mail").join(&files(&dir)[0])).unwrap();
    assert!(!text.contains("half a mess"), "{text}");
}

#[tokio::test]
async fn a_message_that_was_taken_over_is_not_written() {
    let (dir, outlets) = folder();
    let result = Case::new().deliver(&outlets, &Handover::forbidden()).await;
    assert!(matches!(result, Err(DeliverError::Transient(_))), "{result:?}");
    assert!(files(&dir).is_empty());
}

#[tokio::test]
async fn a_folder_that_is_gone_is_worth_another_attempt() {
    let (dir, outlets) = folder();
    fs::remove_dir_all(dir.path().join("mail")).unwrap();
    let result = Case::new().deliver(&outlets, &Handover::default()).await;
    assert!(matches!(result, Err(DeliverError::Transient(_))), "{result:?}");
}

#[tokio::test]
async fn gv_09_the_headers_say_who_drafted_and_who_reviewed() {
    let mut case = Case::new();
    let text = head(&written(&case).await);
    let id = id();
    for line in [
        format!("Message-ID: <{id}@vendor.test>\r\n"),
        format!("X-Playgate-Idempotency-Key: {id}\r\n"),
        "From: \"Vendor CS\" <cs@vendor.test>\r\n".to_owned(),
        "Date: Sun, 22 Nov 2026 09:30:00 +0000\r\n".to_owned(),
        "Subject: Your renewal\r\n".to_owned(),
        "<ann@acme.test>\r\n".to_owned(),
    ] {
        assert!(text.contains(&line), "{line}\n{text}");
    }
    assert!(text.contains("X-Playgate-AI: drafted-by=gpt-x; human-reviewed=usr_"), "{text}");
    case.by = Actor::Policy;
    assert!(head(&written(&case).await).contains("drafted-by=gpt-x; human-reviewed=none\r\n"));
}

#[tokio::test]
async fn no_text_can_add_a_header_or_a_recipient() {
    let mut case = Case::new();
    case.letter.recipient.name = "Ann\r\nBcc: eve@evil.test\r\n\r\n<eve@evil.test>, Eve".to_owned();
    case.letter.subject = "Hi\r\nBcc: eve@evil.test\nX: y\u{2028}z\0".to_owned();
    case.model = "m\r\nBcc: eve@evil.test; human-reviewed=usr_1".to_owned();
    let head = head(&written(&case).await);
    let names: Vec<&str> =
        head.split("\r\n").filter_map(|line| line.split_once(':').map(|(name, _)| name)).collect();
    let expected = [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "X-Playgate-Idempotency-Key",
        "X-Playgate-AI",
        "Content-Type",
        "Content-Transfer-Encoding",
    ];
    let mut sorted = names.clone();
    sorted.sort_unstable();
    let mut wanted: Vec<&str> = expected.iter().copied().chain(["MIME-Version"]).collect();
    wanted.sort_unstable();
    assert_eq!(sorted, wanted, "{head}");
    assert!(!head.contains('\n') || !head.replace("\r\n", "").contains('\n'), "{head}");
    let ai = head.split("\r\n").find(|line| line.starts_with("X-Playgate-AI")).unwrap();
    assert_eq!(ai.matches("human-reviewed=").count(), 1, "{ai}");
}

#[tokio::test]
async fn letters_in_any_language_arrive_encoded_and_addresses_must_be_addresses() {
    let mut case = Case::new();
    case.letter.subject = "Vertragsverlängerung für Jürgen 🎉".to_owned();
    case.letter.body = format!("Grüße\n{}", "lang ".repeat(400));
    let text = written(&case).await;
    assert!(text.is_ascii());
    assert!(text.contains("Subject: =?utf-8?b?"), "{text}");
    assert!(text.split("\r\n").all(|line| line.len() <= 998), "{text}");
    assert!(text.contains("charset=utf-8"), "{text}");

    case.letter.recipient.address = "no address".to_owned();
    let (_dir, outlets) = folder();
    let result = case.deliver(&outlets, &Handover::default()).await;
    assert!(matches!(result, Err(DeliverError::Permanent(_))), "{result:?}");
}

#[tokio::test]
async fn attachments_are_refused_rather_than_left_out() {
    let (dir, outlets) = folder();
    let handover = Handover::default();
    let result = Case::new().with_attachment().deliver(&outlets, &handover).await;
    assert!(matches!(result, Err(DeliverError::Permanent(_))), "{result:?}");
    assert_eq!(handover.begun(), 0);
    assert!(files(&dir).is_empty());
}
