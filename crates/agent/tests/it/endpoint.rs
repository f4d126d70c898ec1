//! What an endpoint may do to us, and what becomes of it: one attempt, a clear error.

use std::{sync::Arc, time::Duration};

use crate::world::{Play, Stage, agent, assignment, clock, http, says};
use agent::{Endpoint, EndpointError, Failure, Model as _, ModelError, OpenAiModel};
use domain::{
    draft::Author,
    port::{WriteError, Writer as _, WriterTask, Written},
};
use jiff::SignedDuration;
use serde_json::{Value, json};

const SUMMARY: &str = r#"{"summary":"All quiet."}"#;

/// What writing a summary comes to when the endpoint plays this, and how often it was asked.
async fn plays(play: Play) -> (Result<Written, WriteError>, usize) {
    let stage = Stage::new(vec![play]).await;
    let agent = agent(Arc::new(stage.model(Duration::from_secs(2))));
    let result = agent.write(&assignment(WriterTask::Summary)).await;
    (result, stage.hits())
}

fn completion(change: impl FnOnce(&mut Value)) -> Play {
    let mut body = json!({
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": SUMMARY }, "finish_reason": "stop" }],
    });
    change(&mut body);
    http("200 OK", &[], &body.to_string())
}

#[tokio::test]
async fn every_odd_answer_is_one_attempt_and_one_clear_error() {
    let down = http("500 Internal Server Error", &[], "boom");
    let text_429 = http("429 Too Many Requests", &[("Content-Type", "text/plain")], "slow down");
    let text_429_after = http("429 Too Many Requests", &[("Retry-After", "17")], "slow down");
    let dated_429 =
        http("429 Too Many Requests", &[("Retry-After", "Sun, 22 Nov 2026 12:01:00 GMT")], "");
    let long_429 = http("429 Too Many Requests", &[("Retry-After", "99999")], "");
    let quota = http(
        "429 Too Many Requests",
        &[],
        r#"{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}"#,
    );
    let integer = http(
        "400 Bad Request",
        &[],
        r#"{"error":{"message":"too long: ann.lee@acme.example","code":400,"type":"exceed_context_size_error"}}"#,
    );
    let html_401 = http("401 Unauthorized", &[], "<html>no</html>");
    let moved = http("307 Temporary Redirect", &[("Location", "http://127.0.0.1:1/")], "");
    let html_200 = http("200 OK", &[("Content-Type", "text/html")], "<html>Welcome</html>");
    let cut = Play::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{\"choices\":[".to_vec());
    let wrong_json = http("200 OK", &[], r#"{"answer":42}"#);

    let unavailable = |words: &'static str, wait: Option<i64>| (true, "unavailable", words, wait);
    for (play, (transient, kind, words, wait)) in [
        (down, unavailable("endpoint is down (HTTP status 500)", None)),
        (text_429, unavailable("asks for fewer calls (HTTP status 429)", None)),
        (text_429_after, unavailable("asks for fewer calls", Some(17))),
        (dated_429, unavailable("asks for fewer calls", Some(60))),
        (long_429, unavailable("asks for fewer calls", Some(300))),
        (Play::Silence, unavailable("did not answer in time", None)),
        (cut, unavailable("broke off its answer", None)),
        (quota, (false, "refuses", "quota at the provider is spent", None)),
        (integer, (false, "refuses", "does not accept the request (HTTP status 400) `400`", None)),
        (html_401, (false, "refuses", "does not accept the API key (HTTP status 401)", None)),
        (moved, (false, "refuses", "redirects", None)),
        (html_200, (true, "cannot be used", "did not answer with a chat completion", None)),
        (wrong_json, (true, "cannot be used", "did not answer with a chat completion", None)),
    ] {
        let (result, hits) = plays(play.clone()).await;
        let err = result.unwrap_err();
        let said = err.to_string();
        assert_eq!(hits, 1, "{said}");
        assert!(said.contains(words) && said.contains(kind), "{said} lacks {words}");
        assert_eq!(err.is_transient(), transient, "{said}");
        assert!(!said.contains("acme"), "{said}");
        if let WriteError::Unavailable { retry_after, .. } = err {
            assert_eq!(retry_after, wait.map(SignedDuration::from_secs), "{said}");
        }
    }
}

#[tokio::test]
async fn gv_13_an_answer_without_a_usable_text_is_asked_for_once_more_and_then_made_without_the_model()
 {
    let huge = http("200 OK", &[], &"x".repeat(2 << 20));
    let long = completion(|body| body["choices"][0]["finish_reason"] = json!("length"));
    let filtered = completion(|body| body["choices"][0]["finish_reason"] = json!("content_filter"));
    let refused = completion(|body| {
        body["choices"][0]["message"] = json!({ "role": "assistant", "refusal": "no" });
    });
    let nothing = completion(|body| body["choices"] = json!([]));
    let blank = completion(|body| body["choices"][0]["message"]["content"] = json!(" "));
    for play in [huge, long, filtered, refused, nothing, blank] {
        let (result, hits) = plays(play).await;
        let written = result.unwrap();
        let codes: Vec<&str> =
            written.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!((hits, codes), (2, vec!["model-unusable"]));
        assert!(matches!(written.author, Author::Offline { .. }), "{:?}", written.author);
    }
}

#[tokio::test]
async fn answers_that_are_only_unusual_are_understood() {
    for play in [
        completion(|body| body["choices"][0]["finish_reason"] = json!("eos")),
        completion(|body| {
            let fields = body.as_object_mut().unwrap();
            fields.remove("id");
            fields.remove("created");
            fields.remove("model");
        }),
        completion(|body| {
            body["choices"][0]["message"]["content"] = json!([{ "type": "text", "text": SUMMARY }]);
        }),
        completion(|body| {
            body["choices"][0]["message"]["content"] = json!(format!("```json\n{SUMMARY}\n```"));
        }),
        completion(|body| body["usage"] = json!({ "prompt_tokens": "many" })),
    ] {
        let (result, hits) = plays(play).await;
        assert_eq!((result.map(|written| written.findings), hits), (Ok(vec![]), 1));
    }
}

#[tokio::test]
async fn nobody_listening_is_unavailable() {
    let stage = Stage::new(vec![says("")]).await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    drop(stage.model(Duration::from_secs(1)));
    let model =
        OpenAiModel::new(Endpoint::new(format!("http://{free}/v1"), "m", None), clock()).unwrap();
    let err = agent(Arc::new(model)).write(&assignment(WriterTask::Summary)).await.unwrap_err();
    assert!(err.is_transient() && err.to_string().contains("cannot be reached"), "{err}");
}

#[tokio::test]
async fn an_endpoint_without_json_schema_is_asked_in_words_from_then_on() {
    let stage = Stage::new(vec![
        http(
            "400 Bad Request",
            &[],
            r#"{"error":{"message":"response_format.json_schema is not supported"}}"#,
        ),
        says(SUMMARY),
    ])
    .await;
    let agent = agent(Arc::new(stage.model(Duration::from_secs(2))));
    let first = agent.write(&assignment(WriterTask::Summary)).await.unwrap();
    let second = agent.write(&assignment(WriterTask::Summary)).await.unwrap();
    assert_eq!((first.calls, second.calls, stage.hits()), (2, 1, 3));
    let requests = stage.requests();
    assert!(requests[0].contains("json_schema") && !requests[1].contains("response_format"));
    assert!(requests[1].contains("JSON Schema:"));
    assert!(!requests[2].contains("response_format"));
}

#[tokio::test]
async fn the_key_travels_only_in_its_header_and_is_never_printed() {
    let stage = Stage::new(vec![says(SUMMARY)]).await;
    let model = stage.model(Duration::from_secs(2));
    assert!(!format!("{model:?}").contains("canary"));
    let endpoint = Endpoint::new(&stage.url, "m", Some("sk-canary".into()));
    assert!(!format!("{endpoint:?}").contains("canary"));
    agent(Arc::new(model)).write(&assignment(WriterTask::Summary)).await.unwrap();
    let keyless =
        OpenAiModel::new(Endpoint::new(&stage.url, "m", Some(" ".into())), clock()).unwrap();
    agent(Arc::new(keyless)).write(&assignment(WriterTask::Summary)).await.unwrap();
    let requests = stage.requests();
    assert_eq!(requests[0].matches("sk-canary").count(), 1);
    assert!(requests[0].to_lowercase().contains("authorization: bearer sk-canary"));
    assert!(!requests[1].to_lowercase().contains("authorization"));
}

#[test]
fn an_endpoint_that_would_send_prompts_in_the_clear_is_refused() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = |url: &str| OpenAiModel::new(Endpoint::new(url, "m", None), clock()).map(drop);
    assert!(
        matches!(made("http://llm.example/v1"), Err(EndpointError::PlainHttp(host)) if host == "llm.example")
    );
    assert!(matches!(made("ftp://llm.example"), Err(EndpointError::Address(_))));
    assert!(matches!(made("not an address"), Err(EndpointError::Address(_))));
    assert!(matches!(made("https://me:secret@llm.example"), Err(EndpointError::Credentials)));
    for fine in [
        "https://llm.example/v1/",
        "http://localhost:1/v1",
        "http://127.0.0.1:1",
        "http://[::1]:1/v1",
    ] {
        assert!(made(fine).is_ok(), "{fine}");
    }
    let open =
        Endpoint { allow_plain_http: true, ..Endpoint::new("http://llm.example/v1", "m", None) };
    assert!(OpenAiModel::new(open, clock()).is_ok());
    let key = Endpoint::new("https://llm.example", "m", Some("a\nb".into()));
    assert!(matches!(OpenAiModel::new(key, clock()), Err(EndpointError::Key)));
}

#[test]
fn errors_keep_their_kind_on_the_way_to_the_port() {
    let error = |failure| WriteError::from(ModelError::new(failure));
    assert!(error(Failure::RateLimited).is_transient());
    assert!(matches!(error(Failure::Refused), WriteError::Refused(_)));
    for (failure, words) in [
        (Failure::TooLarge, "more than is accepted"),
        (Failure::Empty, "has no text"),
        (Failure::Truncated, "cut off at the token limit"),
    ] {
        let err = error(failure);
        assert!(matches!(&err, WriteError::Unusable(why) if why.contains(words)), "{err}");
    }
}

#[tokio::test]
async fn our_own_limit_puts_calls_off_and_says_for_how_long() {
    let stage = Stage::new(vec![says(SUMMARY)]).await;
    let limits = agent::Limits {
        calls_per_minute: std::num::NonZeroU32::new(2),
        patience: Duration::from_millis(10),
    };
    let model = Arc::new(stage.model(Duration::from_secs(2)));
    assert_eq!(model.name(), "test-model");
    let agent = agent::Agent::new(model, crate::world::prompts(), limits, clock()).unwrap();
    let work = assignment(WriterTask::Summary);
    agent.write(&work).await.unwrap();
    agent.write(&work).await.unwrap();
    let WriteError::Unavailable { retry_after: Some(wait), .. } =
        agent.write(&work).await.unwrap_err()
    else {
        panic!("not put off");
    };
    assert!(wait.as_secs() <= 30 && wait.is_positive(), "{wait:?}");
    assert_eq!(stage.hits(), 2);
}
