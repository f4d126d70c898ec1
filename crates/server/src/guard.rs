//! Who is asking, and whether they may: deny by default, every refusal logged.

use axum::{
    body::{Body, Bytes},
    extract::{FromRequestParts, Request},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use domain::{
    port::{Session, StoreError},
    user::{Actor, Permission, User},
};

use crate::{
    app::App,
    cookie,
    extract::{BODY_LIMIT, too_large},
    problem::Problem,
    routes::{Need, Surface},
    secret::{self, Kind},
    services::Settings,
};

/// The person who is asking, known and permitted.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) session: Session,
}

impl Caller {
    pub(crate) fn user(&self) -> &User {
        &self.session.user
    }

    pub(crate) fn actor(&self) -> Actor {
        Actor::User { id: self.session.user.id }
    }

    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.session.may(permission)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(not_signed_in)
    }
}

/// Why somebody was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Nobody we know.
    NotSignedIn,
    /// Somebody whose role or token does not go that far.
    NotPermitted(Permission),
}

/// Whether a session is enough for a need.
pub(crate) fn judge(need: Need, session: Option<&Session>) -> Result<(), Refused> {
    match (need, session) {
        (Need::Public, _) | (Need::SignedIn, Some(_)) => Ok(()),
        (_, None) => Err(Refused::NotSignedIn),
        (Need::May(permission) | Need::Signed(permission), Some(session)) => {
            if session.may(permission) { Ok(()) } else { Err(Refused::NotPermitted(permission)) }
        }
    }
}

fn not_signed_in() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "not-signed-in",
        "send an API token as `authorization: Bearer pgt_…`, or sign in with a link from \
         `playgate access link EMAIL`",
    )
}

/// What came with a request to prove who sent it.
enum Proof {
    /// An API token.
    Token(String),
    /// A browser's session.
    Cookie(String),
    /// Nothing, or nothing we understand.
    None,
}

fn proof(settings: &Settings, headers: &HeaderMap) -> Proof {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        // A bad token is not made good by a cookie that happens to be there.
        return value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map_or(Proof::None, |(_, token)| Proof::Token(token.trim().to_owned()));
    }
    cookie::read(settings, headers).map_or(Proof::None, Proof::Cookie)
}

async fn session(app: &App, proof: &Proof) -> Result<Option<Session>, StoreError> {
    let (kind, secret) = match proof {
        Proof::Token(secret) => (Kind::Token, secret),
        Proof::Cookie(secret) => (Kind::Session, secret),
        Proof::None => return Ok(None),
    };
    app.services.access.session(kind.as_str(), &secret::hash(secret), app.now()).await
}

/// Whether a browser vouches that its own page of ours sent this. Unlike for forms, silence does
/// not count: programs without these headers have tokens.
fn same_origin(app: &App, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match text("sec-fetch-site") {
        Some(site) => site == "same-origin",
        // Browsers send the header above only over connections they trust.
        None => text("origin").is_some_and(|origin| {
            origin == app.settings.public_url.origin().ascii_serialization()
                || origin.split_once("://").map(|(_, host)| host) == text("host")
        }),
    }
}

/// Lets a request through to its handler, or turns it away.
pub(crate) async fn guard(
    app: App,
    need: Need,
    surface: Surface,
    mut request: Request,
    next: Next,
) -> Response {
    if need == Need::Public {
        return next.run(request).await;
    }
    if let Need::Signed(_) = need
        && request.headers().contains_key("webhook-signature")
    {
        return match verified(&app, request).await {
            Ok(request) => next.run(request).await,
            Err(problem) => problem.into_response(),
        };
    }
    let proof = proof(&app.settings, request.headers());
    let session = match session(&app, &proof).await {
        Ok(session) => session,
        Err(error) => return Problem::from(error).into_response(),
    };
    let unsafe_method = !matches!(*request.method(), Method::GET | Method::HEAD);
    if surface == Surface::Api
        && matches!(proof, Proof::Cookie(_))
        && session.is_some()
        && (unsafe_method || request.headers().contains_key("origin"))
        && !same_origin(&app, request.headers())
    {
        tracing::warn!(reason = "cookie without same-origin proof", "request refused");
        return Problem::new(
            StatusCode::FORBIDDEN,
            "cross-origin",
            "the API takes a browser's cookie only from Playgate's own pages; send a token instead",
        )
        .into_response();
    }
    match judge(need, session.as_ref()) {
        Ok(()) => {
            if let Some(session) = session {
                tracing::Span::current().record("user.id", session.user.id.to_string());
                request.extensions_mut().insert(Caller { session });
            }
            next.run(request).await
        }
        Err(Refused::NotSignedIn) => {
            tracing::warn!(reason = "not signed in", "request refused");
            if surface == Surface::Page {
                Redirect::to("/sign-in").into_response()
            } else {
                not_signed_in().into_response()
            }
        }
        Err(Refused::NotPermitted(permission)) => {
            let who = session.as_ref().map(|session| session.user.id.to_string());
            tracing::warn!(
                user.id = who,
                reason = "not permitted",
                permission = ?permission,
                "request refused"
            );
            if let Some(session) = session {
                request.extensions_mut().insert(Caller { session });
            }
            let word = serde_json::to_value(permission).unwrap_or_default();
            Problem::new(
                StatusCode::FORBIDDEN,
                "not-permitted",
                format!(
                    "this needs the permission `{}`, which your role or token does not have",
                    word.as_str().unwrap_or("?")
                ),
            )
            .into_response()
        }
    }
}

/// Checks a webhook's signature over its body as received.
async fn verified(app: &App, request: Request) -> Result<Request, Problem> {
    let (parts, body) = request.into_parts();
    let bytes: Bytes = axum::body::to_bytes(body, BODY_LIMIT).await.map_err(|_| too_large())?;
    let text = |name: &str| {
        parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let (id, timestamp, signature) =
        (text("webhook-id"), text("webhook-timestamp"), text("webhook-signature"));
    app.services.hooks.verify(id, timestamp, signature, &bytes, app.now()).map_err(|why| {
        tracing::warn!(reason = "webhook signature", %why, "request refused");
        Problem::new(StatusCode::UNAUTHORIZED, "bad-signature", why)
    })?;
    Ok(Request::from_parts(parts, Body::from(bytes)))
}
