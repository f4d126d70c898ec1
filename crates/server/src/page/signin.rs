//! Signing in with a one-time link, and out again.
//!
//! Mail scanners follow links and some even run scripts, so opening a link shows a page and does
//! nothing; only the button on it uses the link up (GV-34).

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use domain::{
    event::{Event, NewEvent, Stream},
    user::Actor,
};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::{
    app::{App, Reads},
    cookie,
    extract::{Fields, Params},
    limit::Peer,
    page::done,
    problem::Problem,
    screen::Frame,
    secret::{self, Kind},
};

/// What the address holds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Ask {
    link: Option<String>,
    done: Option<String>,
}

/// Everything on the page.
#[derive(Debug, Default, Serialize)]
pub(crate) struct View {
    pub(crate) link: Option<String>,
}

pub(crate) async fn show(
    State(reads): State<Reads>,
    Params(ask): Params<Ask>,
) -> Result<Html<String>, Problem> {
    let link = ask.link.filter(|link| !link.is_empty() && link.len() <= 200);
    let frame = Frame::outside("Sign in").done(ask.done.as_deref());
    reads.screens().render("sign-in.html", &frame, &View { link })
}

/// The button on the page.
#[derive(Debug, Deserialize)]
pub(crate) struct Redeem {
    link: String,
}

pub(crate) async fn redeem(
    State(app): State<App>,
    peer: Option<axum::Extension<Peer>>,
    Fields(form): Fields<Redeem>,
) -> Result<Response, Problem> {
    if !app.limit.allows(peer.map(|peer| peer.0)) {
        tracing::warn!(reason = "too many sign-in attempts", "request refused");
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            "too many attempts to sign in from this address; wait a minute",
        ));
    }
    let now = app.now();
    let access = &app.services.access;
    let opened = access.redeem(Kind::Link.as_str(), &secret::hash(form.link.trim()), now).await?;
    let Some(session) = opened else {
        tracing::warn!(reason = "sign-in link not valid", "request refused");
        let problem = Problem::new(
            StatusCode::FORBIDDEN,
            "link-not-valid",
            "this link was used already or has expired; get a new one with \
             `playgate access link EMAIL`",
        );
        let frame = Frame::outside("Sign in").failed(&problem);
        let html = app.screens.render("sign-in.html", &frame, &View { link: None })?;
        return Ok((problem.status(), html).into_response());
    };
    let secret = secret::fresh(Kind::Session).map_err(|error| Problem::internal(&error))?;
    let user = session.user.id;
    let ends = now + SignedDuration::from_secs(cookie::LIFETIME);
    let scope = session.scope.as_deref();
    access.issue(Kind::Session.as_str(), &secret::hash(&secret), user, scope, ends, now).await?;
    app.services
        .journal
        .append(vec![NewEvent {
            stream: Stream::User,
            at: now,
            actor: Actor::User { id: user },
            event: Event::SignedIn { user },
        }])
        .await?;
    Ok(with_cookie(Redirect::to("/"), cookie::give(&app.settings, &secret)))
}

pub(crate) async fn leave(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    if let Some(secret) = cookie::read(&app.settings, &headers) {
        app.services.access.revoke(&secret::hash(&secret)).await?;
    }
    Ok(with_cookie(done("/sign-in", "signed-out"), cookie::take(&app.settings)))
}

fn with_cookie(redirect: Redirect, cookie: Option<HeaderValue>) -> Response {
    let mut response = redirect.into_response();
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
