//! Screens: templates in a frame that every page shares, and problems shown as pages.

use std::collections::BTreeMap;

use axum::{
    extract::Request,
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use domain::user::Permission;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tera::{Context, Kwargs, State, Tera, Value};

use crate::{
    app::{App, Reads},
    guard::Caller,
    moment::Moment,
    problem::Problem,
    timeline::Names,
};

/// The templates in the binary. Debug builds read the source tree, so edits show at a restart.
#[derive(rust_embed::Embed)]
#[folder = "$CARGO_MANIFEST_DIR/templates"]
struct Templates;

/// Style and script.
#[derive(rust_embed::Embed)]
#[folder = "$CARGO_MANIFEST_DIR/static"]
struct Static;

/// A file of our own that pages refer to.
pub(crate) struct Asset {
    pub(crate) media: String,
    pub(crate) bytes: Vec<u8>,
}

/// Templates, compiled, and the files they refer to.
pub(crate) struct Screens {
    tera: Tera,
    assets: BTreeMap<String, Asset>,
    /// Changes whenever an asset does, so that browsers may keep assets for good.
    stamp: String,
}

impl Screens {
    #[expect(clippy::expect_used, reason = "templates are part of the program; a test loads them")]
    pub(crate) fn new() -> Self {
        let mut tera = Tera::new();
        tera.register_filter("words", words);
        let templates: Vec<(String, String)> = Templates::iter()
            .filter_map(|name| {
                let file = Templates::get(&name)?;
                Some((name.into_owned(), String::from_utf8_lossy(&file.data).into_owned()))
            })
            .collect();
        tera.add_raw_templates(templates).expect("templates compile");
        let mut hash = Sha256::new();
        let mut assets = BTreeMap::new();
        for name in Static::iter() {
            if let Some(file) = Static::get(&name) {
                hash.update(&file.data);
                let media = file.metadata.mimetype().to_owned();
                assets.insert(name.into_owned(), Asset { media, bytes: file.data.into_owned() });
            }
        }
        let stamp = hex::encode(hash.finalize())[..12].to_owned();
        Self { tera, assets, stamp }
    }

    pub(crate) fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.get(name)
    }

    /// A page in its frame.
    pub(crate) fn render(
        &self,
        template: &str,
        frame: &Frame,
        page: &impl Serialize,
    ) -> Result<Html<String>, Problem> {
        let mut context = Context::new();
        context.insert("stamp", &self.stamp);
        context.insert("frame", frame);
        context.insert("page", page);
        Ok(Html(self.tera.render(template, &context)?))
    }
}

/// What somebody may do, for showing only what works. The guard decides, not this.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "permissions are independent of each other")]
pub(crate) struct Powers {
    pub(crate) decide: bool,
    pub(crate) operate: bool,
    pub(crate) kill: bool,
    pub(crate) audit: bool,
}

/// Who is signed in.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) role: &'static str,
}

/// A stop in force, in words.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Stop {
    pub(crate) scope: String,
    pub(crate) what: String,
    pub(crate) by: String,
    pub(crate) at: Moment,
    pub(crate) reason: String,
}

/// What every page shares.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) here: &'static str,
    pub(crate) person: Option<Person>,
    pub(crate) may: Powers,
    pub(crate) stops: Vec<Stop>,
    pub(crate) notice: Option<&'static str>,
    pub(crate) problem: Option<String>,
}

impl Frame {
    /// A frame around a page for somebody who is not signed in.
    pub(crate) fn outside(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            here: "",
            person: None,
            may: Powers::default(),
            stops: Vec::new(),
            notice: None,
            problem: None,
        }
    }

    /// The same with what was just done, by its code. Unknown codes say nothing.
    pub(crate) fn done(mut self, code: Option<&str>) -> Self {
        self.notice = code.and_then(notice);
        self
    }

    /// The same with what went wrong.
    pub(crate) fn failed(mut self, problem: &Problem) -> Self {
        self.problem = Some(sentence(&problem.detail));
        self
    }
}

/// Our own sentences put names in backticks; a page shows those as code. Everything is escaped.
fn words(text: &str, _: Kwargs, _: &State) -> Value {
    let mut html = String::with_capacity(text.len() + 16);
    let paired = text.matches('`').count().is_multiple_of(2);
    let mut open = false;
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#x27;"),
            '`' if paired => {
                html.push_str(if open { "</code>" } else { "<code>" });
                open = !open;
            }
            other => html.push(other),
        }
    }
    Value::safe_string(&html)
}

/// A problem's detail with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let text: String =
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if text.ends_with('.') { text } else { text + "." }
}

/// What a redirect may say was done. A closed list: nothing from the address is shown.
fn notice(code: &str) -> Option<&'static str> {
    Some(match code {
        "approved" => "Approved. The message is in the outbox, exactly as you saw it.",
        "rejected" => "Rejected. It will not be sent.",
        "edited" => "Saved as a new version, and judged again. It still waits for a decision.",
        "redraft" => "Another version is being written. It comes back to the queue.",
        "snoozed" => "Put off. It comes back to the queue by itself.",
        "reassigned" => "Handed over.",
        "finished" => "Task finished.",
        "paused" => "The run is paused.",
        "resumed" => "The run goes on.",
        "cancelled" => "The run is cancelled; its open approvals and tasks are withdrawn.",
        "retried" => "The run tries its step again.",
        "rewound" => "The run does the step again, and all that come after it.",
        "started" => "The run has begun.",
        "resolved" => "Settled. Thank you for finding out.",
        "stopped" => "Sending is stopped. Nothing within this scope leaves until it is released.",
        "released" => "Sending has started again for this scope.",
        "signed-out" => "You are signed out.",
        _ => return None,
    })
}

impl Reads {
    /// The frame for a page.
    pub(crate) async fn frame(
        &self,
        caller: &Caller,
        title: impl Into<String>,
        here: &'static str,
    ) -> Result<Frame, Problem> {
        let kills = self.kills().await?;
        let stops = if kills.is_empty() {
            Vec::new()
        } else {
            let accounts = kills.iter().filter_map(|kill| match &kill.scope {
                domain::killswitch::Scope::Account(id) => Some(*id),
                _ => None,
            });
            let accounts = accounts.collect();
            let names = self.names(accounts).await?;
            kills.iter().map(|kill| stop(kill, &names, self.now())).collect()
        };
        let user = caller.user();
        Ok(Frame {
            title: title.into(),
            here,
            person: Some(Person {
                name: user.name.clone(),
                email: user.email.clone(),
                role: user.role.as_str(),
            }),
            may: Powers {
                decide: caller.may(Permission::Decide),
                operate: caller.may(Permission::Operate),
                kill: caller.may(Permission::Kill),
                audit: caller.may(Permission::Audit),
            },
            stops,
            notice: None,
            problem: None,
        })
    }
}

fn stop(kill: &domain::killswitch::Kill, names: &Names, now: jiff::Timestamp) -> Stop {
    use domain::killswitch::Scope;
    Stop {
        scope: kill.scope.to_string(),
        what: match &kill.scope {
            Scope::All => "all messages".to_owned(),
            Scope::Playbook(name) => format!("messages of playbook {name}"),
            Scope::Action(name) => format!("messages that {}", crate::timeline::action(*name)),
            Scope::Account(id) => format!("messages to {}", names.account(*id)),
        },
        by: names.actor(&kill.by),
        at: Moment::of(kill.at, now),
        reason: kill.reason.clone(),
    }
}

#[derive(Serialize)]
struct ProblemPage<'a> {
    status: u16,
    title: &'a str,
}

/// Whether the answer goes to a person: a screen's address, or a browser that asks for a page.
fn wants_page(path: &str, headers: &HeaderMap) -> bool {
    !path.starts_with("/v1/")
        && headers
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"))
}

/// Shows a problem as a page to people, and leaves it as it is for programs.
pub(crate) async fn problems_as_pages(app: App, request: Request, next: Next) -> Response {
    let page = wants_page(request.uri().path(), request.headers());
    let was_post = request.method() == Method::POST;
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>().filter(|_| page) else {
        return response;
    };
    let heading = match problem.status {
        404 => "There is nothing here",
        401 => "Please sign in",
        403 => "This is not yours to do",
        409 => "This has changed meanwhile",
        413 => "That is too much at once",
        429 => "Slow down a little",
        503 => "Not at the moment",
        500.. => "Something went wrong on our side",
        _ if was_post => "That could not be done",
        _ => "That address makes no sense",
    };
    let frame = Frame::outside(heading).failed(problem);
    let shown = ProblemPage { status: problem.status, title: heading };
    match app.screens.render("problem.html", &frame, &shown) {
        Ok(html) => (problem.status(), html).into_response(),
        Err(_) => response,
    }
}
