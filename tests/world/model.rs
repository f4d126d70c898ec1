//! A model endpoint that says what a test tells it to, over real HTTP.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// One answer of the endpoint.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A well-formed completion with this content.
    Says(String),
    /// The same after a while.
    SaysLater(Duration, String),
    /// Status line, extra headers and body as they are.
    Raw {
        /// For example `429 Too Many Requests`.
        status: &'static str,
        /// For example `Retry-After: 1`.
        headers: Vec<&'static str>,
        /// The body.
        body: String,
    },
    /// The connection ends in the middle of the body.
    Truncated,
    /// Nothing for this long, then the connection ends.
    Silence(Duration),
}

/// The endpoint.
pub struct ModelEndpoint {
    address: SocketAddr,
    script: Arc<Mutex<VecDeque<Reply>>>,
    requests: Arc<Mutex<Vec<Value>>>,
    mind: Mind,
    task: JoinHandle<()>,
}

/// What an endpoint says when its script is used up, by what it was asked.
type Mind = Arc<Mutex<Option<Box<Choose>>>>;

/// What is answered to a request.
type Choose = dyn Fn(&Value) -> Reply + Send;

impl Drop for ModelEndpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ModelEndpoint {
    /// Starts on a free loopback port. When the script is used up it answers 503.
    pub async fn start(script: impl IntoIterator<Item = Reply>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let script = Arc::new(Mutex::new(script.into_iter().collect::<VecDeque<_>>()));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let mind = Mind::default();
        let (replies, ears, head) = (Arc::clone(&script), Arc::clone(&requests), Arc::clone(&mind));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (replies, ears) = (Arc::clone(&replies), Arc::clone(&ears));
                let head = Arc::clone(&head);
                tokio::spawn(async move {
                    // A client that hangs up is its own business.
                    let _gone = answer(stream, &replies, &ears, &head).await;
                });
            }
        });
        Ok(Self { address, script, requests, mind, task })
    }

    /// The base address, as configuration wants it.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Adds an answer.
    pub fn then(&self, reply: Reply) {
        self.script.lock().expect("no test panicked with the script in hand").push_back(reply);
    }

    /// Starts on a free loopback port; what it answers depends on what it is asked.
    pub async fn answering(mind: impl Fn(&Value) -> Reply + Send + 'static) -> io::Result<Self> {
        let endpoint = Self::start([]).await?;
        endpoint.answers(mind);
        Ok(endpoint)
    }

    /// From now on this is what it says when its script is used up.
    pub fn answers(&self, mind: impl Fn(&Value) -> Reply + Send + 'static) {
        *self.mind.lock().expect("no test panicked with the mind in hand") = Some(Box::new(mind));
    }

    /// The requests so far, as JSON.
    pub fn requests(&self) -> Vec<Value> {
        self.requests.lock().expect("no test panicked with the requests in hand").clone()
    }
}

async fn answer(
    mut stream: TcpStream,
    script: &Mutex<VecDeque<Reply>>,
    requests: &Mutex<Vec<Value>>,
    mind: &Mind,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut chunk = [0_u8; 8192];
    let body = loop {
        let read = stream.read(&mut chunk).await?;
        if read == 0 {
            return Ok(());
        }
        bytes.extend_from_slice(&chunk[..read]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let lines = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length: usize = lines
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .and_then(|length| length.trim().parse().ok())
            .unwrap_or(0);
        if bytes.len() >= end + 4 + length {
            break bytes[end + 4..end + 4 + length].to_vec();
        }
    };
    let asked: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let scripted = script.lock().expect("no test panicked with the script in hand").pop_front();
    let reply = scripted.or_else(|| {
        let mind = mind.lock().expect("no test panicked with the mind in hand");
        mind.as_ref().map(|mind| mind(&asked))
    });
    requests.lock().expect("no test panicked with the requests in hand").push(asked);
    if let Some(Reply::SaysLater(time, _)) = &reply {
        tokio::time::sleep(*time).await;
    }
    let (status, headers, body) = match reply {
        Some(Reply::Says(content) | Reply::SaysLater(_, content)) => {
            ("200 OK", Vec::new(), completion(&content))
        }
        Some(Reply::Raw { status, headers, body }) => (status, headers, body),
        Some(Reply::Truncated) => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{\"id\":\"x\",\"cho")
                .await?;
            return stream.shutdown().await;
        }
        Some(Reply::Silence(time)) => {
            tokio::time::sleep(time).await;
            return Ok(());
        }
        None => ("503 Service Unavailable", Vec::new(), "script is used up".to_owned()),
    };
    let mut top =
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    if !headers.iter().any(|header| header.to_lowercase().starts_with("content-type")) {
        top.push_str("content-type: application/json\r\n");
    }
    for header in headers {
        top.push_str(header);
        top.push_str("\r\n");
    }
    stream.write_all(format!("{top}\r\n{body}").as_bytes()).await?;
    stream.shutdown().await
}

fn completion(content: &str) -> String {
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_770_000_000,
        "model": "scripted",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": content },
            "finish_reason": "stop",
        }],
        "usage": { "prompt_tokens": 200, "completion_tokens": 100, "total_tokens": 300 },
    })
    .to_string()
}
