//! One HTTP question, to Patroni or to the product.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result};

use crate::ha::site::Address;

/// Asks over a connection of its own, and waits so long for each part of it; status and body.
pub(crate) fn ask(
    at: Address,
    method: &str,
    path: &str,
    body: Option<&str>,
    patience: Duration,
) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((at.host, at.port)), patience)?;
    stream.set_read_timeout(Some(patience))?;
    let body = body.unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nhost: {at}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .with_context(|| format!("{at} answers with something that is no HTTP"))?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, body.to_owned()))
}
