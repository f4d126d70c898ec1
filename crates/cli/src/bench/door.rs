//! The benchmark's way to the server: one kept-alive HTTP/1.1 connection, as lean as it gets, so
//! that the client leaves the machine to what it measures.

use std::{io::Write as _, net::SocketAddr};

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The longest head of an answer.
const HEAD: usize = 64 * 1024;

/// What the server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body, if the request was granted; otherwise an error with what the server said.
    pub fn granted(self, what: &str) -> anyhow::Result<Vec<u8>> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        bail!("{what} was answered {}: {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

/// One connection to the server.
#[derive(Debug)]
pub struct Door {
    stream: TcpStream,
    /// Headers every request carries.
    headers: String,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Door {
    /// Connects. An empty token sends none.
    pub async fn open(at: SocketAddr, token: &str) -> anyhow::Result<Self> {
        let stream =
            TcpStream::connect(at).await.with_context(|| format!("no connection to {at}"))?;
        stream.set_nodelay(true)?;
        let mut headers = format!("host: {at}\r\n");
        if !token.is_empty() {
            headers.push_str("authorization: Bearer ");
            headers.push_str(token);
            headers.push_str("\r\n");
        }
        Ok(Self { stream, headers, request: Vec::new(), answer: Vec::new() })
    }

    /// Reads something.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.request.clear();
        write!(self.request, "GET {path} HTTP/1.1\r\n{}\r\n", self.headers)?;
        self.exchange().await
    }

    /// Has something done.
    pub async fn post(&mut self, path: &str, body: &str) -> anyhow::Result<Answer> {
        self.post_as(path, "application/json", "", body).await
    }

    /// As [`Door::post`], with a content type and further header lines, each ended by `\r\n`.
    pub async fn post_as(
        &mut self,
        path: &str,
        media: &str,
        more: &str,
        body: &str,
    ) -> anyhow::Result<Answer> {
        self.request.clear();
        write!(
            self.request,
            "POST {path} HTTP/1.1\r\n{}content-type: {media}\r\ncontent-length: {}\r\n{more}\r\n\
             {body}",
            self.headers,
            body.len()
        )?;
        self.exchange().await
    }

    async fn exchange(&mut self) -> anyhow::Result<Answer> {
        self.stream.write_all(&self.request).await.context("the server hung up")?;
        self.answer.clear();
        let (status, length, start) = loop {
            if let Some(head) = head(&self.answer)? {
                break head;
            }
            if self.answer.len() > HEAD {
                bail!("the server's answer has a head of more than {HEAD} bytes");
            }
            self.more().await?;
        };
        while self.answer.len() < start + length {
            self.more().await?;
        }
        Ok(Answer { status, body: self.answer[start..start + length].to_vec() })
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        let read = self.stream.read_buf(&mut self.answer).await.context("the server hung up")?;
        anyhow::ensure!(read > 0, "the server hung up");
        Ok(())
    }
}

/// Status, length of the body, and where it begins; none while the head is not all there.
fn head(bytes: &[u8]) -> anyhow::Result<Option<(u16, usize, usize)>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..end]).context("the server's answer is no HTTP")?;
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok())
        .context("the server's answer is no HTTP/1.1")?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .context("the server's answer says no length")?;
    Ok(Some((status, length, end + 4)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_all_there() {
        let text = b"HTTP/1.1 409 Conflict\r\nContent-Length: 3\r\nx: y\r\n\r\nabc";
        for part in 0..text.len() - 3 {
            let read = head(&text[..part]).unwrap();
            assert_eq!(read, None, "{part}");
        }
        assert_eq!(head(text).unwrap(), Some((409, 3, text.len() - 3)));
        assert!(head(b"SSH-2.0\r\n\r\n").is_err());
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn a_refusal_is_an_error_that_quotes_the_server() {
        let answer = Answer { status: 409, body: b"not open".to_vec() };
        let said = answer.granted("approving").unwrap_err().to_string();
        assert!(said.contains("409") && said.contains("not open"), "{said}");
    }
}
