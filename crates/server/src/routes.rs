//! The one table of routes. Router, OpenAPI document, access checks and tests are made from it.

use axum::{
    Router,
    extract::Request,
    handler::Handler,
    http::Method,
    middleware::{self, Next},
    routing::{self, MethodRouter},
};
use domain::user::{Permission, User};
use domain::{
    account::Account,
    killswitch::Kill,
    message::Message,
    page::Page,
    port::{QueueItem, Reviewed},
    run::Run,
    task::Task,
    user::Permission::{Audit, Decide, Erase, Kill as Stop, Operate, Read, Signal},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::{
    api,
    app::{App, Reads},
    bulk, guard,
    hook::Accepted,
    operator::AuditReport,
    page,
};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Anybody.
    Public,
    /// Anybody signed in.
    SignedIn,
    /// Whoever holds this permission.
    May(Permission),
    /// Whoever holds this permission, or signs the body with a webhook secret.
    Signed(Permission),
}

/// Who a route speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surface {
    /// Programs.
    Api,
    /// People with a browser.
    Page,
}

/// What a route answers with.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) says: &'static str,
    pub(crate) media: &'static str,
    pub(crate) schema: Option<SchemaOf>,
}

/// Adds a type to an OpenAPI document.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

enum Handling {
    Reads(MethodRouter<Reads>),
    Writes(MethodRouter<App>),
}

/// One route.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) need: Need,
    pub(crate) surface: Surface,
    pub(crate) tag: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) query: Option<SchemaOf>,
    pub(crate) request: Option<(&'static str, SchemaOf)>,
    pub(crate) answers: Vec<Answer>,
    handling: Handling,
}

impl Route {
    /// A route that reads. Its handler's state cannot change anything.
    fn get<H, T>(path: &'static str, need: Need, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Reads>,
        T: 'static,
    {
        Self::new(Method::GET, path, need, summary, Handling::Reads(routing::get(handler)))
    }

    /// A route that changes something.
    fn post<H, T>(path: &'static str, need: Need, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        Self::new(Method::POST, path, need, summary, Handling::Writes(routing::post(handler)))
    }

    fn new(
        method: Method,
        path: &'static str,
        need: Need,
        summary: &'static str,
        handling: Handling,
    ) -> Self {
        Self {
            method,
            path,
            need,
            surface: Surface::Api,
            tag: "",
            summary,
            query: None,
            request: None,
            answers: Vec::new(),
            handling,
        }
    }

    fn query<Q: JsonSchema>(mut self) -> Self {
        self.query = Some(SchemaGenerator::subschema_for::<Q>);
        self
    }

    fn takes<B: JsonSchema>(mut self) -> Self {
        self.request = Some(("application/json", SchemaGenerator::subschema_for::<B>));
        self
    }

    fn takes_as(mut self, media: &'static str) -> Self {
        self.request = Some((media, SchemaGenerator::subschema_for::<serde_json::Value>));
        self
    }

    fn gives<A: JsonSchema>(self, status: u16, says: &'static str) -> Self {
        let schema: SchemaOf = SchemaGenerator::subschema_for::<A>;
        self.answer(Answer { status, says, media: "application/json", schema: Some(schema) })
    }

    fn gives_text(self, media: &'static str, says: &'static str) -> Self {
        self.answer(Answer { status: 200, says, media, schema: None })
    }

    /// A problem this route may answer with, beside those any route may.
    fn or(self, status: u16, says: &'static str) -> Self {
        self.answer(Answer { status, says, media: "application/problem+json", schema: None })
    }

    fn answer(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }
}

fn tagged(tag: &'static str, surface: Surface, routes: Vec<Route>) -> Vec<Route> {
    routes.into_iter().map(|route| Route { surface, tag, ..route }).collect()
}

/// Every route there is.
pub(crate) fn table() -> Vec<Route> {
    [
        tagged("approvals", Surface::Api, approvals()),
        tagged("tasks", Surface::Api, tasks()),
        tagged("runs", Surface::Api, runs()),
        tagged("accounts", Surface::Api, accounts()),
        tagged("contacts", Surface::Api, contacts()),
        tagged("messages", Surface::Api, messages()),
        tagged("signals", Surface::Api, signals()),
        tagged("kill switch", Surface::Api, kills()),
        tagged("audit", Surface::Api, audit()),
        tagged("operation", Surface::Api, operation()),
        tagged("screens", Surface::Page, screens()),
        tagged("screens", Surface::Page, forms()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const SETTLED: &str =
    "It is settled already (the problem says by whom and when), changed, or policy forbids it";

fn approvals() -> Vec<Route> {
    let decide = Need::May(Decide);
    vec![
        Route::get("/v1/approvals", Need::May(Read), "List the queue", api::approval::list)
            .query::<api::approval::Filter>()
            .gives::<Page<QueueItem>>(200, "A part of the queue"),
        Route::get(
            "/v1/approvals/{id}",
            Need::May(Read),
            "Everything needed to decide on one approval",
            api::approval::show,
        )
        .gives::<Reviewed>(200, "The approval with all versions")
        .or(410, "The person it is about was erased"),
        Route::post(
            "/v1/approvals/{id}/approve",
            decide,
            "Let a draft go, exactly as seen",
            api::approval::approve,
        )
        .takes::<api::approval::Approve>()
        .gives::<Reviewed>(200, "It is approved and in the outbox")
        .or(409, SETTLED),
        Route::post(
            "/v1/approvals/{id}/edit",
            decide,
            "Put another text in its place; it is judged again",
            api::approval::edit,
        )
        .takes::<api::approval::Edit>()
        .gives::<Reviewed>(200, "The new version waits for a decision")
        .or(409, SETTLED),
        Route::post(
            "/v1/approvals/{id}/reject",
            decide,
            "Reject a draft for good",
            api::approval::reject,
        )
        .takes::<api::approval::Reject>()
        .gives::<Reviewed>(200, "It is rejected")
        .or(409, SETTLED),
        Route::post(
            "/v1/approvals/{id}/redraft",
            decide,
            "Ask for another version",
            api::approval::redraft,
        )
        .takes::<api::approval::Redraft>()
        .gives::<Reviewed>(200, "Another version is being written")
        .or(409, SETTLED),
        Route::post(
            "/v1/approvals/{id}/reassign",
            decide,
            "Hand an item to somebody else",
            api::approval::reassign,
        )
        .takes::<api::approval::Reassign>()
        .gives::<Reviewed>(200, "It is theirs")
        .or(409, SETTLED),
        Route::post("/v1/approvals/{id}/snooze", decide, "Put an item off", api::approval::snooze)
            .takes::<api::approval::Snooze>()
            .gives::<Reviewed>(200, "It is out of the queue until then")
            .or(409, SETTLED),
    ]
}

fn tasks() -> Vec<Route> {
    vec![
        Route::get("/v1/tasks", Need::May(Read), "List tasks, earliest due first", api::task::list)
            .query::<api::task::Filter>()
            .gives::<Page<Task>>(200, "A part of the tasks"),
        Route::post(
            "/v1/tasks/{id}/finish",
            Need::May(Decide),
            "Finish a task; a run that waits for it goes on",
            api::task::finish,
        )
        .takes::<api::task::Finish>()
        .gives::<Task>(200, "It is done")
        .or(409, "It is not open"),
    ]
}

fn runs() -> Vec<Route> {
    let operate = Need::May(Operate);
    let not_possible = "It makes no sense in the run's present state";
    vec![
        Route::get("/v1/runs", Need::May(Read), "List runs, newest first", api::run::list)
            .query::<api::run::Filter>()
            .gives::<Page<Run>>(200, "A part of the runs"),
        Route::get("/v1/runs/{id}", Need::May(Read), "A run with its timeline", api::run::show)
            .gives::<api::run::View>(200, "The run"),
        Route::post("/v1/runs", operate, "Start a run by hand", api::run::start)
            .takes::<api::run::Start>()
            .gives::<Run>(201, "The run that was started")
            .or(409, "An earlier run is too recent, or the playbook does not apply"),
        Route::post(
            "/v1/runs/bulk",
            operate,
            "Look at what would be done to many runs, or do it",
            api::run::bulk,
        )
        .takes::<bulk::Ask>()
        .gives::<bulk::Report>(200, "What would be done, or was")
        .or(409, "Not as many runs match as were expected; nothing was changed"),
        Route::post("/v1/runs/{id}/pause", operate, "Stop a run for a while", api::run::pause)
            .gives::<Run>(200, "It is paused")
            .or(409, not_possible),
        Route::post("/v1/runs/{id}/resume", operate, "Let a paused run go on", api::run::resume)
            .gives::<Run>(200, "It goes on")
            .or(409, not_possible),
        Route::post("/v1/runs/{id}/cancel", operate, "End a run for good", api::run::cancel)
            .takes::<api::run::Cancel>()
            .gives::<Run>(200, "It is cancelled; open approvals and tasks are withdrawn")
            .or(409, not_possible),
        Route::post(
            "/v1/runs/{id}/retry",
            operate,
            "Have a stuck run try its step again",
            api::run::retry,
        )
        .gives::<Run>(200, "It tries again")
        .or(409, not_possible),
        Route::post(
            "/v1/runs/{id}/retry-from",
            operate,
            "Take a run back to an earlier step and go on from there",
            api::run::retry_from,
        )
        .takes::<api::run::RetryFrom>()
        .gives::<Run>(200, "It does the step again")
        .or(409, "It is not at rest, has not come to the step, or a message would be sent twice"),
    ]
}

fn accounts() -> Vec<Route> {
    vec![
        Route::get("/v1/accounts", Need::May(Read), "List accounts by name", api::account::list)
            .query::<api::account::Filter>()
            .gives::<Page<Account>>(200, "A part of the accounts"),
        Route::get(
            "/v1/accounts/{id}",
            Need::May(Read),
            "Everything known of one account now",
            api::account::show,
        )
        .gives::<api::account::View>(200, "The account"),
    ]
}

fn contacts() -> Vec<Route> {
    vec![
        Route::post(
            "/v1/contacts/{id}/erase",
            Need::May(Erase),
            "Erase a person for good, or say what would be erased",
            api::person::erase,
        )
        .takes::<api::person::Erase>()
        .gives::<api::person::View>(200, "The receipt, or what would be erased"),
        Route::post(
            "/v1/contacts/{id}/export",
            Need::May(Erase),
            "Everything there is of a person; that it was handed out is noted in the trail",
            api::person::export,
        )
        .gives::<serde_json::Value>(200, "One document with everything"),
    ]
}

fn messages() -> Vec<Route> {
    vec![
        Route::get("/v1/messages", Need::May(Read), "List the outbox", api::message::list)
            .query::<api::message::Filter>()
            .gives::<Page<Message>>(200, "A part of the messages, newest first"),
        Route::get("/v1/messages/{id}", Need::May(Read), "One message", api::message::show)
            .gives::<Message>(200, "The message, without its text"),
        Route::post(
            "/v1/messages/{id}/resolve",
            Need::May(Decide),
            "Say what became of an uncertain or failed message",
            api::message::resolve,
        )
        .takes::<api::message::Resolve>()
        .gives::<Message>(200, "It is settled, or queued again")
        .or(409, "It is neither uncertain nor failed"),
    ]
}

fn signals() -> Vec<Route> {
    vec![
        Route::post(
            "/v1/signals",
            Need::Signed(Signal),
            "Hand in signals as CloudEvents; the same event twice is one signal",
            api::signal::accept,
        )
        .takes_as("application/cloudevents+json")
        .gives::<Accepted>(202, "They are stored; triggers look at them next"),
    ]
}

fn kills() -> Vec<Route> {
    vec![
        Route::get("/v1/kills", Need::May(Read), "Stops of sending in force", api::kill::list)
            .gives::<Vec<Kill>>(200, "The stops"),
        Route::post("/v1/kills", Need::May(Stop), "Stop sending within a scope", api::kill::engage)
            .takes::<api::kill::Engage>()
            .gives::<Vec<Kill>>(200, "The stops in force now"),
        Route::post(
            "/v1/kills/release",
            Need::May(Stop),
            "Start sending again within a scope",
            api::kill::release,
        )
        .takes::<api::kill::Release>()
        .gives::<Vec<Kill>>(200, "The stops still in force")
        .or(409, "Sending was not stopped within this scope"),
    ]
}

fn audit() -> Vec<Route> {
    vec![
        Route::get(
            "/v1/audit/{stream}",
            Need::May(Audit),
            "Events of one stream, in order",
            api::audit::events,
        )
        .query::<api::audit::Filter>()
        .gives::<api::audit::View>(200, "A part of the stream"),
        Route::post(
            "/v1/audit/verify",
            Need::May(Audit),
            "Check every event, chain and checkpoint",
            api::audit::verify,
        )
        .gives::<AuditReport>(200, "What was found"),
    ]
}

fn operation() -> Vec<Route> {
    vec![
        Route::get(
            "/v1/playbooks",
            Need::May(Read),
            "Playbooks in force",
            api::catalogue::playbooks,
        )
        .gives::<Vec<api::catalogue::Playbook>>(200, "The active versions"),
        Route::get("/v1/policy", Need::May(Read), "The policy in force", api::catalogue::policy)
            .gives::<api::catalogue::Policy>(200, "The active version"),
        Route::get("/v1/me", Need::SignedIn, "Who is asking", api::operation::me)
            .gives::<User>(200, "The person the token or session belongs to"),
        Route::get("/healthz", Need::Public, "Whether it can do its work", api::operation::health)
            .gives::<api::operation::Health>(200, "It can")
            .gives::<api::operation::Health>(503, "The database does not answer"),
        Route::get("/metrics", Need::Public, "Metrics for Prometheus", api::operation::metrics)
            .gives_text("application/openmetrics-text", "Metrics"),
        Route::get("/openapi.json", Need::Public, "This document", api::operation::openapi)
            .gives_text("application/json", "The document"),
    ]
}

fn screens() -> Vec<Route> {
    let read = Need::May(Read);
    vec![
        Route::get("/", read, "Today", page::today::show),
        Route::get("/approvals/{id}", read, "One approval", page::approval::show),
        Route::get("/tasks", read, "Tasks", page::task::list),
        Route::get("/runs", read, "Runs", page::run::list),
        Route::get("/runs/bulk", Need::May(Operate), "Many runs", page::bulk::ask),
        Route::get("/runs/{id}", read, "One run", page::run::show),
        Route::get("/accounts", read, "Accounts", page::account::list),
        Route::get("/accounts/{id}", read, "One account", page::account::show),
        Route::get("/outbox", read, "The outbox", page::outbox::list),
        Route::get("/playbooks", read, "Playbooks and policy", page::catalogue::show),
        Route::get("/stop", read, "The kill switch", page::stop::show),
        Route::get("/audit", Need::May(Audit), "The audit trail", page::audit::show),
        Route::get("/sign-in", Need::Public, "How to sign in", page::signin::show),
        Route::get("/static/{name}", Need::Public, "Style and script", page::asset::show),
    ]
}

fn forms() -> Vec<Route> {
    let decide = Need::May(Decide);
    let operate = Need::May(Operate);
    vec![
        Route::post("/approvals/{id}/approve", decide, "Approve", page::approval::approve),
        Route::post("/approvals/{id}/edit", decide, "Edit", page::approval::edit),
        Route::post("/approvals/{id}/reject", decide, "Reject", page::approval::reject),
        Route::post("/approvals/{id}/redraft", decide, "Redraft", page::approval::redraft),
        Route::post("/approvals/{id}/reassign", decide, "Reassign", page::approval::reassign),
        Route::post("/approvals/{id}/snooze", decide, "Snooze", page::approval::snooze),
        Route::post("/tasks/{id}/finish", decide, "Finish a task", page::task::finish),
        Route::post("/runs/bulk", operate, "Many runs", page::bulk::act),
        Route::post("/runs/{id}/pause", operate, "Pause a run", page::run::pause),
        Route::post("/runs/{id}/resume", operate, "Resume a run", page::run::resume),
        Route::post("/runs/{id}/cancel", operate, "Cancel a run", page::run::cancel),
        Route::post("/runs/{id}/retry", operate, "Retry a run", page::run::retry),
        Route::post("/runs/{id}/retry-from", operate, "Go back", page::run::retry_from),
        Route::post("/accounts/{id}/start", operate, "Start a run", page::account::start),
        Route::post("/outbox/{id}/resolve", decide, "Resolve a message", page::outbox::resolve),
        Route::post("/stop", Need::May(Stop), "Stop sending", page::stop::engage),
        Route::post("/stop/release", Need::May(Stop), "Start sending", page::stop::release),
        Route::post("/audit/verify", Need::May(Audit), "Verify the trail", page::audit::verify),
        Route::post("/sign-in", Need::Public, "Sign in with a link", page::signin::redeem),
        Route::post("/sign-out", Need::SignedIn, "Sign out", page::signin::leave),
    ]
}

/// The router of a table: each route behind its own guard.
pub(crate) fn router(app: &App, table: Vec<Route>) -> Router {
    table.into_iter().fold(Router::new(), |router, route| {
        let Route { path, need, surface, handling, .. } = route;
        let need =
            if path == "/metrics" && !app.settings.open_metrics { Need::May(Read) } else { need };
        let methods = match handling {
            Handling::Reads(methods) => methods.with_state(app.reads()),
            Handling::Writes(methods) => methods.with_state(app.clone()),
        };
        let app = app.clone();
        let guard = middleware::from_fn(move |request: Request, next: Next| {
            guard::guard(app.clone(), need, surface, request, next)
        });
        router.route(path, methods.layer(guard))
    })
}
