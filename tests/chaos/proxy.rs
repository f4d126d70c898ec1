//! A stretch of network between one process and the database that can stall and be cut.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// What the network does now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Weather {
    /// Nothing gets through, and nobody is told.
    stalled: bool,
    /// Counts the cuts: connections of before are gone.
    cuts: u64,
}

/// A TCP proxy; it ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    /// Bytes that went to the database.
    asked: Arc<AtomicU64>,
    listener: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
        self.cut();
    }
}

impl Proxy {
    /// Listens on a free loopback port and passes everything on.
    pub async fn start(to: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (weather, seen) = watch::channel(Weather::default());
        let asked = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&asked);
        let listener = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connect(stream, to, seen.clone(), Arc::clone(&counted)));
            }
        });
        Ok(Self { address, weather, asked, listener })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes its process has sent to the database so far.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Cuts every connection there is; new ones are made as before.
    pub fn cut(&self) {
        self.weather.send_modify(|weather| weather.cuts += 1);
    }

    /// Lets nothing through for this long; then goes on where it stopped.
    pub async fn stall(&self, time: Duration) {
        self.weather.send_modify(|weather| weather.stalled = true);
        tokio::time::sleep(time).await;
        self.weather.send_modify(|weather| weather.stalled = false);
    }
}

/// Passes on in both directions until one side ends or the connection is cut.
async fn connect(
    client: TcpStream,
    to: SocketAddr,
    mut weather: watch::Receiver<Weather>,
    asked: Arc<AtomicU64>,
) {
    let cuts = weather.borrow().cuts;
    let Ok(()) = clear(&mut weather, cuts).await else { return };
    let Ok(server) = TcpStream::connect(to).await else { return };
    // Without this the two halves of a query wait for each other's acknowledgement.
    let _quick = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let up = pass(from_client, to_server, weather.clone(), cuts, &asked);
    let answered = AtomicU64::new(0);
    let down = pass(from_server, to_client, weather.clone(), cuts, &answered);
    tokio::select! {
        () = up => {}
        () = down => {}
        _ = weather.wait_for(|now| now.cuts != cuts) => {}
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
    cuts: u64,
    passed: &AtomicU64,
) {
    let mut bytes = vec![0_u8; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if clear(&mut weather, cuts).await.is_err() || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
        passed.fetch_add(u64::try_from(read).unwrap_or(0), Ordering::Relaxed);
    }
}

/// Waits until something gets through; an error when the connection was cut instead.
async fn clear(weather: &mut watch::Receiver<Weather>, cuts: u64) -> Result<(), ()> {
    match weather.wait_for(|now| !now.stalled || now.cuts != cuts).await {
        Ok(now) if now.cuts == cuts => Ok(()),
        _ => Err(()),
    }
}
