//! The webhook: signed, verifiable with our own door, and careful about what an answer means.

use std::time::Duration;

use connectors::{
    hook::Hooks,
    outlet::{Mail, MailFolder, Outlets, Webhook, WebhookError},
    signature::{Headers, Secret},
};
use domain::{clock::Clock as _, intent::Channel, message::DeliverError, port::Channels as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

use crate::case::{Case, Handover, Still, id, outlets, sender};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Answers one request with this text (nothing: hangs up) and hands the request out.
async fn listen(answer: Option<&'static str>) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let request = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        let mut buffer = [0_u8; 4096];
        while !complete(&request) {
            let count = stream.read(&mut buffer).await.unwrap();
            request.extend_from_slice(&buffer[..count]);
        }
        if let Some(answer) = answer {
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
        String::from_utf8(request).unwrap()
    });
    (port, request)
}

fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    header(head, "content-length").is_some_and(|length| body.len() >= length.parse().unwrap())
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn through(port: u16) -> (tempfile::TempDir, Outlets) {
    // Another test may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("http://127.0.0.1:{port}/hook").parse().unwrap();
    let webhook =
        Webhook::new(url, Secret::parse(SECRET).unwrap(), Duration::from_millis(500)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mail = Mail::Folder(MailFolder::open(dir.path(), sender()).unwrap());
    (dir, outlets(mail, Some(webhook)))
}

async fn answered(answer: Option<&'static str>) -> Result<String, DeliverError> {
    let (port, _request) = listen(answer).await;
    let (_dir, outlets) = through(port);
    let handover = Handover::default();
    let result = Case::new().by_webhook().deliver(&outlets, &handover).await;
    assert_eq!(handover.begun(), 1);
    result.map(|receipt| receipt.note)
}

#[tokio::test]
async fn a_letter_arrives_signed_under_its_own_id() {
    let (port, request) = listen(Some("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")).await;
    let (_dir, outlets) = through(port);
    assert!(outlets.dedupes(Channel::Webhook));
    let case = Case::new().by_webhook();
    let receipt = case.deliver(&outlets, &Handover::default()).await.unwrap();
    assert_eq!(receipt.note, "webhook answered 202");

    let request = request.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    assert_eq!(header(head, "webhook-id"), Some(id().to_string().as_str()));
    assert_eq!(header(head, "idempotency-key"), header(head, "webhook-id"));
    let hooks = Hooks { secrets: vec![Secret::parse(SECRET).unwrap()] };
    let headers = Headers {
        id: header(head, "webhook-id").unwrap(),
        timestamp: header(head, "webhook-timestamp").unwrap(),
        signature: header(head, "webhook-signature").unwrap(),
    };
    hooks.verify(headers, body.as_bytes(), Still::default().now()).unwrap();
    let forged = body.replace("Ann", "Eve");
    assert!(hooks.verify(headers, forged.as_bytes(), Still::default().now()).is_err());

    let json: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(json["data"]["recipient"]["address"], "ann@acme.test");
    assert_eq!(json["data"]["subject"], "Your renewal");
    assert_eq!(json["data"]["drafted_by"], "gpt-x");
    assert!(json["data"]["human_reviewed"].as_str().unwrap().starts_with("usr_"));
}

#[tokio::test]
async fn an_answer_decides_whether_it_is_tried_again() {
    for (answer, again) in [
        ("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", true),
        ("HTTP/1.1 429 Slow down\r\ncontent-length: 0\r\n\r\n", true),
        ("HTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\n", false),
        (
            "HTTP/1.1 301 Elsewhere\r\nlocation: http://evil.test/\r\ncontent-length: 0\r\n\r\n",
            false,
        ),
    ] {
        let result = answered(Some(answer)).await;
        assert_eq!(
            matches!(result, Err(DeliverError::Transient(_))),
            again,
            "{answer}: {result:?}"
        );
        assert_eq!(matches!(result, Err(DeliverError::Permanent(_))), !again, "{answer}");
    }
}

#[tokio::test]
async fn no_answer_leaves_it_open_and_no_connection_does_not() {
    let result = answered(None).await;
    assert!(matches!(result, Err(DeliverError::Unknown(_))), "{result:?}");

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_dir, outlets) = through(silent.local_addr().unwrap().port());
    let result = Case::new().by_webhook().deliver(&outlets, &Handover::default()).await;
    assert!(matches!(result, Err(DeliverError::Unknown(_))), "{result:?}");

    let port = silent.local_addr().unwrap().port();
    drop(silent);
    let (_dir, outlets) = through(port);
    let result = Case::new().by_webhook().deliver(&outlets, &Handover::default()).await;
    assert!(matches!(result, Err(DeliverError::Transient(_))), "{result:?}");
}

#[tokio::test]
async fn a_letter_that_was_taken_over_is_not_posted() {
    let (port, request) = listen(Some("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
    let (_dir, outlets) = through(port);
    let result = Case::new().by_webhook().deliver(&outlets, &Handover::forbidden()).await;
    assert!(matches!(result, Err(DeliverError::Transient(_))), "{result:?}");
    assert!(!request.is_finished());
    request.abort();
}

#[tokio::test]
async fn without_a_webhook_such_letters_fail_for_good_and_say_why() {
    let dir = tempfile::tempdir().unwrap();
    let outlets = outlets(Mail::Folder(MailFolder::open(dir.path(), sender()).unwrap()), None);
    let result = Case::new().by_webhook().deliver(&outlets, &Handover::default()).await;
    let Err(DeliverError::Permanent(why)) = result else { panic!("{result:?}") };
    assert!(why.contains("no webhook"), "{why}");
}

#[test]
fn letters_do_not_travel_unencrypted_beyond_this_machine() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let webhook = |url: &str| {
        let secret = Secret::parse(SECRET).unwrap();
        Webhook::new(url.parse().unwrap(), secret, Duration::from_secs(1))
    };
    for url in ["http://example.test/hook", "ftp://127.0.0.1/"] {
        assert!(matches!(webhook(url), Err(WebhookError::Insecure)), "{url}");
    }
    for url in ["https://example.test/hook", "http://localhost:8080/", "http://[::1]:8080/"] {
        assert!(webhook(url).is_ok(), "{url}");
    }
}
