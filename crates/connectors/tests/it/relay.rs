//! SMTP, with a server that fails at every stage of the conversation.

use std::time::Duration;

use connectors::outlet::{Mail, Outlets, Security, Smtp, SmtpSettings, Timeouts};
use domain::{intent::Channel, message::DeliverError, port::Channels as _};

use crate::{
    case::{Case, Handover, id, outlets, sender},
    smtp::{Act, SmtpSink, Stage},
};

fn through(sink: &SmtpSink, login: Option<(String, String)>) -> Outlets {
    let limit = Duration::from_millis(400);
    let settings = SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port: sink.address().port(),
        security: Security::Plain,
        login,
        authority: None,
        timeouts: Timeouts { connect: limit, command: limit, message: limit },
    };
    outlets(Mail::Smtp(Smtp::new(settings, sender()).unwrap()), None)
}

/// What came of a delivery: its result, hand-overs begun, messages taken.
async fn try_with(fault: Option<(Stage, Act)>) -> (Result<String, DeliverError>, usize, usize) {
    let sink = SmtpSink::start().await.unwrap();
    sink.always(fault);
    let handover = Handover::default();
    let result = Case::new().deliver(&through(&sink, None), &handover).await;
    (result.map(|receipt| receipt.note), handover.begun(), sink.received().len())
}

fn say(words: &str) -> Act {
    Act::Say(words.to_owned())
}

#[tokio::test]
async fn a_message_arrives_as_it_was_written() {
    let sink = SmtpSink::start().await.unwrap();
    let kept = tempfile::tempdir().unwrap();
    sink.keep_in(kept.path());
    let outlets = through(&sink, None);
    assert!(!outlets.dedupes(Channel::Email));
    let case = Case::new();
    let handover = Handover::default();
    let receipt = case.deliver(&outlets, &handover).await.unwrap();
    assert_eq!(receipt.note, "250 2.0.0 taken as 1");
    assert_eq!(handover.begun(), 1);
    assert!(sink.reached(Stage::Replied, Duration::from_secs(5)).await);

    let message = sink.received().remove(0);
    assert_eq!(message.from, "cs@vendor.test");
    assert_eq!(message.to, ["ann@acme.test"]);
    assert_eq!(message.header("message-id"), Some(format!("<{}@vendor.test>", id())));
    assert_eq!(message.header("X-Playgate-Idempotency-Key"), Some(id().to_string()));
    let (_, body) = message.data.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "Hello Ann,\r\n\r\n.a line with a dot\r\nBest\r\n\r\n");
    assert_eq!(std::fs::read_to_string(kept.path().join("1.eml")).unwrap(), message.data);
}

#[tokio::test]
async fn before_the_message_a_lost_connection_hands_nothing_over() {
    for stage in [Stage::Greeting, Stage::Ehlo, Stage::Mail, Stage::Rcpt, Stage::Data] {
        for act in [Act::Drop, Act::Stall, say("nonsense"), say("451 try later")] {
            let (result, begun, taken) = try_with(Some((stage, act.clone()))).await;
            assert!(
                matches!(result, Err(DeliverError::Transient(_))),
                "{stage:?} {act:?}: {result:?}"
            );
            assert_eq!((begun, taken), (0, 0), "{stage:?} {act:?}");
        }
    }
}

#[tokio::test]
async fn a_final_no_to_the_message_is_final_and_one_to_the_connection_is_not() {
    for stage in [Stage::Mail, Stage::Rcpt, Stage::Data] {
        let (result, begun, taken) =
            try_with(Some((stage, say("550 5.1.1 <ann@acme.test> unknown")))).await;
        let Err(DeliverError::Permanent(why)) = result else { panic!("{stage:?}: {result:?}") };
        assert!(why.contains("550") && why.contains("unknown"), "{why}");
        assert!(!why.contains("ann@"), "{why}");
        assert_eq!((begun, taken), (0, 0));
    }
    for stage in [Stage::Greeting, Stage::Ehlo] {
        let (result, begun, _) = try_with(Some((stage, say("554 no service")))).await;
        assert!(matches!(result, Err(DeliverError::Transient(_))), "{stage:?}: {result:?}");
        assert_eq!(begun, 0);
    }
}

#[tokio::test]
async fn after_the_message_only_a_clear_answer_is_believed() {
    for (stage, act, taken) in [
        (Stage::Body, Act::Drop, 0),
        (Stage::Body, Act::Stall, 0),
        (Stage::Dot, Act::Drop, 0),
        (Stage::Dot, Act::Stall, 0),
        (Stage::Dot, say("nonsense"), 0),
        (Stage::Dot, say("354 what?"), 0),
        (Stage::Taken, Act::Drop, 1),
        (Stage::Taken, Act::Stall, 1),
    ] {
        let (result, begun, count) = try_with(Some((stage, act.clone()))).await;
        assert!(matches!(result, Err(DeliverError::Unknown(_))), "{stage:?} {act:?}: {result:?}");
        assert_eq!((begun, count), (1, taken), "{stage:?} {act:?}");
    }
    let (result, ..) = try_with(Some((Stage::Dot, say("451 4.3.0 queue full")))).await;
    assert!(matches!(result, Err(DeliverError::Transient(_))), "{result:?}");
    let (result, ..) = try_with(Some((Stage::Dot, say("554 5.7.1 looks like spam")))).await;
    assert!(matches!(result, Err(DeliverError::Permanent(_))), "{result:?}");
}

#[tokio::test]
async fn once_the_answer_was_given_a_lost_connection_changes_nothing() {
    let (result, begun, taken) = try_with(Some((Stage::Replied, Act::Drop))).await;
    assert_eq!(result.unwrap(), "250 2.0.0 taken as 1");
    assert_eq!((begun, taken), (1, 1));
}

#[tokio::test]
async fn a_message_that_was_taken_over_is_not_sent() {
    let sink = SmtpSink::start().await.unwrap();
    let handover = Handover::forbidden();
    let result = Case::new().deliver(&through(&sink, None), &handover).await;
    assert!(matches!(result, Err(DeliverError::Transient(_))), "{result:?}");
    assert_eq!(handover.begun(), 1);
    assert!(sink.received().is_empty());
    assert!(!sink.reached(Stage::Body, Duration::from_millis(100)).await);
}

#[tokio::test]
async fn a_server_that_recovers_gets_the_message_at_the_next_attempt() {
    let sink = SmtpSink::start().await.unwrap();
    sink.next([Some((Stage::Rcpt, Act::Drop)), None]);
    let outlets = through(&sink, None);
    let case = Case::new();
    assert!(case.deliver(&outlets, &Handover::default()).await.is_err());
    case.deliver(&outlets, &Handover::default()).await.unwrap();
    assert_eq!((sink.connections(), sink.received().len()), (2, 1));
}

#[tokio::test]
async fn nothing_is_sent_without_the_protection_that_is_required() {
    let sink = SmtpSink::start().await.unwrap();
    for (security, login) in [
        (Security::StartTls, None),
        (Security::Tls, None),
        (Security::Plain, Some(("cs".to_owned(), "secret".to_owned()))),
    ] {
        let limit = Duration::from_millis(400);
        let settings = SmtpSettings {
            host: "localhost".to_owned(),
            port: sink.address().port(),
            security,
            login,
            authority: None,
            timeouts: Timeouts { connect: limit, command: limit, message: limit },
        };
        let outlets = outlets(Mail::Smtp(Smtp::new(settings, sender()).unwrap()), None);
        let handover = Handover::default();
        let result = Case::new().deliver(&outlets, &handover).await;
        assert!(matches!(result, Err(DeliverError::Transient(_))), "{security:?}: {result:?}");
        assert_eq!((handover.begun(), sink.received().len()), (0, 0), "{security:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_worth_another_attempt() {
    let sink = SmtpSink::start().await.unwrap();
    let outlets = through(&sink, None);
    drop(sink);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let result = Case::new().deliver(&outlets, &Handover::default()).await;
    assert!(matches!(result, Err(DeliverError::Transient(_))), "{result:?}");
}
