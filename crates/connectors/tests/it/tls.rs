//! SMTP under TLS: from the first byte and after STARTTLS, with a certificate that fits or not.

use std::{path::Path, sync::Arc, time::Duration};

use connectors::outlet::{Mail, Outlets, Security, Smtp, SmtpSettings, Timeouts};
use domain::message::DeliverError;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    case::{Case, Handover, outlets, sender},
    smtp::SmtpSink,
};

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(fixture("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Puts TLS in front of a sink; with `starttls` only after the client asks for it.
async fn front(sink: &SmtpSink, starttls: bool) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = sink.address();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut sink = TcpStream::connect(behind).await.unwrap();
            let stream = if starttls { upgraded(stream, &mut sink).await } else { stream };
            // A client that does not trust the certificate ends the handshake.
            if let Ok(mut stream) = acceptor().accept(stream).await {
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut sink).await;
            }
        }
    });
    (port, task)
}

/// Talks in the clear up to STARTTLS; the sink's own greeting is swallowed.
async fn upgraded(stream: TcpStream, sink: &mut TcpStream) -> TcpStream {
    let mut greeting = BufReader::new(sink);
    greeting.read_line(&mut String::new()).await.unwrap();
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 front.test\r\n").await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    assert!(line.starts_with("EHLO vendor.test"), "{line}");
    stream.write_all(b"250-front.test\r\n250 STARTTLS\r\n").await.unwrap();
    line.clear();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line, "STARTTLS\r\n");
    stream.write_all(b"220 go\r\n").await.unwrap();
    assert!(stream.buffer().is_empty());
    stream.into_inner()
}

fn through(port: u16, security: Security, trusted: bool, password: &str) -> Outlets {
    let limit = Duration::from_secs(2);
    let settings = SmtpSettings {
        host: "localhost".to_owned(),
        port,
        security,
        login: Some(("cs".to_owned(), password.to_owned())),
        authority: trusted.then(|| std::fs::read(fixture("ca.pem")).unwrap()),
        timeouts: Timeouts { connect: limit, command: limit, message: limit },
    };
    outlets(Mail::Smtp(Smtp::new(settings, sender()).unwrap()), None)
}

/// A sink that wants `cs` with the password `secret`.
async fn sink() -> SmtpSink {
    let sink = SmtpSink::start().await.unwrap();
    sink.require_login("AGNzAHNlY3JldA==");
    sink
}

#[tokio::test]
async fn a_message_arrives_under_tls_after_signing_in() {
    for (security, starttls) in
        [(Security::Tls, false), (Security::StartTls, true), (Security::Opportunistic, true)]
    {
        let sink = sink().await;
        let (port, _front) = front(&sink, starttls).await;
        let outlets = through(port, security, true, "secret");
        let receipt = Case::new().deliver(&outlets, &Handover::default()).await;
        assert!(receipt.is_ok(), "{security:?}: {receipt:?}");
        assert_eq!(sink.received().len(), 1, "{security:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_gets_nothing() {
    for (security, starttls) in [(Security::Tls, false), (Security::StartTls, true)] {
        let sink = sink().await;
        let (port, _front) = front(&sink, starttls).await;
        let outlets = through(port, security, false, "secret");
        let handover = Handover::default();
        let result = Case::new().deliver(&outlets, &handover).await;
        assert!(matches!(result, Err(DeliverError::Transient(_))), "{security:?}: {result:?}");
        assert_eq!((handover.begun(), sink.received().len()), (0, 0));
    }
}

#[tokio::test]
async fn a_wrong_password_is_worth_another_attempt_and_is_not_repeated_in_the_note() {
    let sink = sink().await;
    let (port, _front) = front(&sink, false).await;
    let outlets = through(port, Security::Tls, true, "hunter2");
    let result = Case::new().deliver(&outlets, &Handover::default()).await;
    let Err(DeliverError::Transient(why)) = result else { panic!("{result:?}") };
    assert!(why.contains("AUTH") && why.contains("535"), "{why}");
    assert!(!why.contains("hunter2"), "{why}");
    assert!(sink.received().is_empty());
}
