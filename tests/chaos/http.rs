//! A client that knows the difference between "not asked", "answered" and "nobody knows".

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(2);

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It was answered in full.
    Said {
        /// The status.
        status: u16,
        /// The body; null if it is no JSON.
        body: Value,
    },
    /// No connection came about: nothing was asked.
    Unreached(String),
    /// The connection broke or was silent for too long: it may or may not have been done.
    Broken(String),
}

impl Answer {
    /// The body of a 2xx answer.
    pub fn good(self) -> Option<Value> {
        match self {
            Self::Said { status, body } if (200..300).contains(&status) => Some(body),
            _ => None,
        }
    }
}

/// A request, one to a connection.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Header lines besides the usual ones.
    pub headers: Vec<(&'a str, String)>,
    /// The body.
    pub body: String,
    /// How long the answer may take.
    pub patience: Duration,
}

impl<'a> Request<'a> {
    /// A reading request.
    pub fn get(path: &'a str, token: &str) -> Self {
        Self {
            method: "GET",
            path,
            headers: vec![("authorization", format!("Bearer {token}"))],
            body: String::new(),
            patience: Duration::from_secs(20),
        }
    }

    /// A request that changes something.
    pub fn post(path: &'a str, token: &str, body: &Value) -> Self {
        Self {
            method: "POST",
            headers: vec![
                ("authorization", format!("Bearer {token}")),
                ("content-type", "application/json".to_owned()),
            ],
            body: body.to_string(),
            ..Self::get(path, token)
        }
    }

    /// Asks a server.
    pub async fn ask(&self, at: SocketAddr) -> Answer {
        let stream = match timeout(CONNECT, TcpStream::connect(at)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Answer::Unreached(error.to_string()),
            Err(_) => return Answer::Unreached("no connection in time".to_owned()),
        };
        match timeout(self.patience, self.converse(stream, at)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Answer::Broken(error.to_string()),
            Err(_) => Answer::Broken("no answer in time".to_owned()),
        }
    }

    async fn converse(&self, mut stream: TcpStream, at: SocketAddr) -> std::io::Result<Answer> {
        let mut text = format!("{} {} HTTP/1.1\r\nhost: {at}\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        text.extend(["content-length: ", &self.body.len().to_string(), "\r\n"]);
        text.extend(["connection: close\r\n\r\n", &self.body]);
        stream.write_all(text.as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        Ok(read(&bytes).unwrap_or_else(|| Answer::Broken("the answer was cut off".to_owned())))
    }
}

/// An answer, if it is whole.
fn read(bytes: &[u8]) -> Option<Answer> {
    let head_end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (&bytes[..head_end], &bytes[head_end + 4..]);
    let head = std::str::from_utf8(head).ok()?.to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|length| length.trim().parse::<usize>().ok());
    let body = match length {
        Some(length) => body.get(..length)?.to_vec(),
        None => whole(body)?,
    };
    Some(Answer::Said { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
}

/// A chunked body, if it is whole.
fn whole(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        rest = rest.get(line + 2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_was_cut_off_is_no_answer() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
        let said = Answer::Said { status: 200, body: serde_json::json!({ "a": 1 }) };
        assert_eq!(read(whole), Some(said.clone()));
        assert_eq!(read(&whole[..whole.len() - 1]), None);
        assert_eq!(read(&whole[..30]), None);
        let chunked = b"HTTP/1.1 200 OK\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n";
        assert_eq!(read(chunked), Some(said));
        assert_eq!(read(&chunked[..chunked.len() - 5]), None);
    }
}
