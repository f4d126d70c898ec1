//! A real SMTP server that takes mail, and fails at whatever stage of the conversation it is told.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{
        AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
        BufReader,
    },
    net::TcpListener,
    sync::watch,
    task::JoinHandle,
};

/// A point of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Before anything is said.
    Greeting,
    /// Answering EHLO.
    Ehlo,
    /// Answering MAIL.
    Mail,
    /// Answering RCPT.
    Rcpt,
    /// Answering DATA.
    Data,
    /// After the first bytes of the message.
    Body,
    /// After the final dot, before the message is taken.
    Dot,
    /// After the message was taken and before that is said.
    Taken,
    /// After everything was said.
    Replied,
}

/// What to do at a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Close the connection.
    Drop,
    /// Say this instead, for example `451 try later`. At [`Stage::Dot`] the message is not taken.
    Say(String),
    /// Say nothing for ever.
    Stall,
    /// Take this long, then go on as usual.
    Wait(Duration),
}

/// One conversation's fault, if any.
pub type Fault = Option<(Stage, Act)>;

/// A message as it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// Headers and body, dots unstuffed.
    pub data: String,
}

impl Received {
    /// The value of a header, unfolded; none if it is absent.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.data.split("\r\n\r\n").next()?;
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        unfolded.split("\r\n").find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }
}

/// Hears of every message taken.
type Witness = Box<dyn FnMut(&Received) + Send>;

/// Says what a conversation does.
type Chooser = Box<dyn FnMut() -> Fault + Send>;

#[derive(Default)]
struct Book {
    faults: VecDeque<Fault>,
    otherwise: Fault,
    received: Vec<Received>,
    connections: usize,
    dir: Option<PathBuf>,
    login: Option<String>,
    witness: Option<Witness>,
    chooser: Option<Chooser>,
}

impl Book {
    /// The fault of the next conversation.
    fn next(&mut self) -> Fault {
        let planned = self.faults.pop_front();
        planned.unwrap_or_else(|| {
            self.chooser.as_mut().map_or_else(|| self.otherwise.clone(), |choose| choose())
        })
    }
}

/// The server. It stops when it is dropped.
pub struct SmtpSink {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
    furthest: watch::Receiver<Option<Stage>>,
    listener: JoinHandle<()>,
}

impl SmtpSink {
    /// Listens on a free loopback port and takes everything.
    pub async fn start() -> io::Result<Self> {
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Listens here and takes everything.
    pub async fn listen(at: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(at).await?;
        let address = listener.local_addr()?;
        let book = Arc::new(Mutex::new(Book::default()));
        let (reached, furthest) = watch::channel(None);
        let shared = Arc::clone(&book);
        let listener = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (book, reached) = (Arc::clone(&shared), reached.clone());
                let fault = {
                    let mut book = lock(&book);
                    book.connections += 1;
                    book.next()
                };
                tokio::spawn(async move {
                    let mut talk =
                        Conversation { stream: BufReader::new(stream), fault, book, reached };
                    // A client that goes away ends the conversation, and that is all.
                    let _ = talk.run().await;
                });
            }
        });
        Ok(Self { address, book, furthest, listener })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the next conversations do, one after the other; later ones go well again.
    pub fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.book).faults.extend(faults);
    }

    /// What every conversation does for which nothing else was said.
    pub fn always(&self, fault: Fault) {
        lock(&self.book).otherwise = fault;
    }

    /// Asks this what a conversation does for which nothing else was said, for each anew.
    pub fn choose(&self, chooser: impl FnMut() -> Fault + Send + 'static) {
        lock(&self.book).chooser = Some(Box::new(chooser));
    }

    /// Tells this of every message the moment it is taken, before the client hears of it.
    pub fn watch(&self, witness: impl FnMut(&Received) + Send + 'static) {
        lock(&self.book).witness = Some(Box::new(witness));
    }

    /// Writes every message taken from now on to `1.eml`, `2.eml`, … in a folder as well.
    pub fn keep_in(&self, dir: impl Into<PathBuf>) {
        lock(&self.book).dir = Some(dir.into());
    }

    /// Takes mail only after `AUTH PLAIN` with this token: base64 of `\0user\0password`.
    pub fn require_login(&self, token: impl Into<String>) {
        lock(&self.book).login = Some(token.into());
    }

    /// Messages taken so far, in order.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.book).received.clone()
    }

    /// Connections made so far.
    pub fn connections(&self) -> usize {
        lock(&self.book).connections
    }

    /// Waits until a conversation has come to a stage; false if none does in time.
    pub async fn reached(&self, stage: Stage, within: Duration) -> bool {
        let mut furthest = self.furthest.clone();
        let come = furthest.wait_for(|at| at.is_some_and(|at| at >= stage));
        matches!(tokio::time::timeout(within, come).await, Ok(Ok(_)))
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a stage came to.
enum Turn {
    /// As if nothing were wrong.
    Usual,
    /// Something else was said.
    Said,
}

struct Conversation<S> {
    stream: BufReader<S>,
    fault: Fault,
    book: Arc<Mutex<Book>>,
    reached: watch::Sender<Option<Stage>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<S> {
    async fn run(&mut self) -> io::Result<()> {
        self.answer(Stage::Greeting, "220 sink.test ready").await?;
        let login = lock(&self.book).login.clone();
        let (mut from, mut to, mut known) = (String::new(), Vec::new(), login.is_none());
        loop {
            let line = self.line().await?;
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" | "HELO" => {
                    let auth = if login.is_some() { "250-AUTH PLAIN LOGIN\r\n" } else { "" };
                    let usual = format!("250-sink.test\r\n{auth}250 8BITMIME");
                    self.answer(Stage::Ehlo, &usual).await?;
                }
                "AUTH" => {
                    known =
                        login.as_ref().is_some_and(|token| line == format!("AUTH PLAIN {token}"));
                    let usual = if known { "235 welcome" } else { "535 5.7.8 wrong password" };
                    self.say(usual).await?;
                }
                "MAIL" if !known => self.say("530 5.7.0 sign in first").await?,
                "MAIL" => {
                    from = path(&line);
                    self.answer(Stage::Mail, "250 sender ok").await?;
                }
                "RCPT" => {
                    to.push(path(&line));
                    self.answer(Stage::Rcpt, "250 recipient ok").await?;
                }
                "DATA" => {
                    if let Turn::Usual = self.answer(Stage::Data, "354 go ahead").await? {
                        let data = self.body().await?;
                        self.take(Received { from: from.clone(), to: to.clone(), data }).await?;
                    }
                }
                "RSET" => {
                    to.clear();
                    self.say("250 ok").await?;
                }
                "NOOP" => self.say("250 ok").await?,
                "QUIT" => return self.say("221 bye").await,
                _ => self.say("502 not here").await?,
            }
        }
    }

    /// Takes the message, unless told otherwise.
    async fn take(&mut self, message: Received) -> io::Result<()> {
        if let Turn::Said = self.pause(Stage::Dot).await? {
            return Ok(());
        }
        let (count, dir) = {
            let mut book = lock(&self.book);
            if let Some(witness) = &mut book.witness {
                witness(&message);
            }
            book.received.push(message.clone());
            (book.received.len(), book.dir.clone())
        };
        if let Some(dir) = dir {
            tokio::fs::write(dir.join(format!("{count}.eml")), &message.data).await?;
        }
        if let Turn::Usual = self.pause(Stage::Taken).await? {
            self.say(&format!("250 2.0.0 taken as {count}")).await?;
            self.pause(Stage::Replied).await?;
        }
        Ok(())
    }

    /// Reads up to the final dot.
    async fn body(&mut self) -> io::Result<String> {
        // One byte shows that the message has begun to flow.
        let mut first = [0_u8; 1];
        self.stream.read_exact(&mut first).await?;
        self.pause(Stage::Body).await?;
        let mut data = Vec::new();
        let mut line = first.to_vec();
        loop {
            if self.stream.read_until(b'\n', &mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line == b".\r\n" {
                return Ok(String::from_utf8_lossy(&data).into_owned());
            }
            data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            line.clear();
        }
    }

    /// Comes to a stage, and says the usual unless it is the one that fails.
    async fn answer(&mut self, stage: Stage, usual: &str) -> io::Result<Turn> {
        let turn = self.pause(stage).await?;
        if let Turn::Usual = turn {
            self.say(usual).await?;
        }
        Ok(turn)
    }

    /// Comes to a stage and fails there if told to.
    async fn pause(&mut self, stage: Stage) -> io::Result<Turn> {
        self.reached.send_modify(|at| *at = (*at).max(Some(stage)));
        match &self.fault {
            Some((at, act)) if *at == stage => match act.clone() {
                Act::Drop => Err(io::ErrorKind::ConnectionAborted.into()),
                Act::Stall => std::future::pending().await,
                Act::Wait(time) => {
                    tokio::time::sleep(time).await;
                    Ok(Turn::Usual)
                }
                Act::Say(words) => {
                    self.say(&words).await?;
                    Ok(Turn::Said)
                }
            },
            _ => Ok(Turn::Usual),
        }
    }

    async fn say(&mut self, words: &str) -> io::Result<()> {
        self.stream.write_all(format!("{words}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

/// The address between the angle brackets.
fn path(line: &str) -> String {
    line.split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map(|(address, _)| address.to_owned())
        .unwrap_or_default()
}
