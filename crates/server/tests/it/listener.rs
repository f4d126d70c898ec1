//! The listener over real sockets: clients that hang up, and shutting down.

use std::time::Duration;

use domain::user::Role;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use crate::world::World;

struct Served {
    address: std::net::SocketAddr,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

async fn serve(world: &World) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(server::serve(listener, world.router.clone(), shutdown.clone()));
    Served { address, shutdown, task }
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_stop_its_decision_and_shutdown_waits_for_it() {
    let world = World::new().await;
    let token = world.token("Root", Role::Admin).await;
    let id = world.draft(&token).await;
    let binding = world.binding(&token, &id).await;
    let served = serve(&world).await;
    let body = json!({ "binding": binding }).to_string();
    let request = format!(
        "POST /v1/approvals/{id}/approve HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let before = world.written();
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    // Hang up as soon as the request is surely in, without reading the answer.
    for _ in 0..500 {
        if world.written() > before {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(stream);
    served.shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(10), served.task).await.unwrap().unwrap();
    let shown = world.get(&token, &format!("/v1/approvals/{id}")).await.json();
    assert_eq!(shown["item"]["approval"]["state"]["status"], "approved");
    assert_eq!(world.get(&token, "/v1/messages").await.json()["total"], 1);
}

#[tokio::test]
async fn shutting_down_closes_idle_connections_and_takes_no_new_ones() {
    let world = World::new().await;
    let served = serve(&world).await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 4096];
    let read = idle.read(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer[..read]).starts_with("HTTP/1.1 200"));
    let _silent = TcpStream::connect(served.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    served.shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(5), served.task).await.unwrap().unwrap();
    assert_eq!(idle.read(&mut answer).await.unwrap_or(0), 0, "the idle connection is closed");
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn nonsense_on_the_wire_is_refused_and_the_server_lives_on() {
    let world = World::new().await;
    let served = serve(&world).await;
    for nonsense in [&b"\x16\x03\x01\x02\x00\x01"[..], b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n\r\n"] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(nonsense).await.unwrap();
    }
    let mut many = TcpStream::connect(served.address).await.unwrap();
    let headers: String = (0..200).fold(String::new(), |all, n| all + &format!("x-{n}: y\r\n"));
    many.write_all(format!("GET /healthz HTTP/1.1\r\n{headers}\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    many.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    served.shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(5), served.task).await.unwrap().unwrap();
}
