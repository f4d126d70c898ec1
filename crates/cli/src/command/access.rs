//! `playgate access`: people, sign-in links and API tokens.

use domain::{
    event::{Event, NewEvent, Stream},
    id::UserId,
    port::{Access as _, Journal as _},
    user::{Actor, Permission, Role, User},
};
use jiff::SignedDuration;
use serde_json::json;
use server::secret;

use crate::{
    app::App,
    arguments::{Access, AccessCommand},
    bad_input,
};

const PERMISSIONS: [&str; 7] =
    ["read", "decide", "operate", "kill", "audit", "signal", "administer"];

/// Runs the command.
pub async fn run(app: &App, access: Access) -> anyhow::Result<()> {
    let by = app.actor(Permission::Administer).await?;
    match access.command {
        AccessCommand::List => {
            let users = app.store.users().await?;
            let rows = users
                .iter()
                .map(|user| vec![user.email.clone(), user.name.clone(), user.role.to_string()])
                .collect();
            app.out.list(&users, &["e-mail", "name", "role"], rows, "Nobody.")
        }
        AccessCommand::Add { email, name, role } => {
            let role: Role = role.parse()?;
            if !domain::intent::is_address(&email) {
                bad_input!("`{email}` is not an e-mail address");
            }
            let now = app.clock.now();
            let user = User {
                id: UserId::new(&*app.clock),
                email,
                name,
                role,
                since: Some(now.to_zoned(jiff::tz::TimeZone::UTC).date()),
                disabled_at: None,
            };
            let wanted = user.id;
            let user = app.store.add_user(&user, &by, now).await?;
            if user.id != wanted {
                bad_input!("`{}` is known already, as {}", user.email, user.role);
            }
            app.out.answer(&user, &format!("{} is {}.", user.email, user.role))
        }
        AccessCommand::Link { email } => {
            let user = app.user_by_email(&email).await?;
            let link = sign_in_link(app, &user, &by).await?;
            app.out.answer(
                &json!({ "link": link, "minutes": LINK_MINUTES }),
                &format!("{link}\nworks once, for {LINK_MINUTES} minutes."),
            )
        }
        AccessCommand::Token { email, days, scope } => {
            for permission in &scope {
                if !PERMISSIONS.contains(&permission.as_str()) {
                    bad_input!("`{permission}` is not one of {}", PERMISSIONS.join(", "));
                }
            }
            let user = app.user_by_email(&email).await?;
            let now = app.clock.now();
            let ends = now.checked_add(SignedDuration::from_hours(24 * i64::from(days)))?;
            let token = secret::fresh(secret::Kind::Token)?;
            let scope = (!scope.is_empty()).then_some(scope);
            app.store
                .issue("token", &secret::hash(&token), user.id, scope.as_deref(), ends, now)
                .await?;
            issued(app, &user, &by, "token").await?;
            app.out.answer(
                &json!({ "token": token, "ends": ends }),
                &format!("{token}\nworks until {ends}; it is not shown again."),
            )
        }
    }
}

/// How long a sign-in link works.
pub const LINK_MINUTES: i64 = 60;

/// Makes a one-time sign-in link.
pub async fn sign_in_link(app: &App, user: &User, by: &Actor) -> anyhow::Result<String> {
    let now = app.clock.now();
    let link = secret::fresh(secret::Kind::Link)?;
    let ends = now.checked_add(SignedDuration::from_mins(LINK_MINUTES))?;
    app.store.issue("link", &secret::hash(&link), user.id, None, ends, now).await?;
    issued(app, user, by, "link").await?;
    Ok(format!("{}/sign-in?link={link}", app.config.public_url()))
}

async fn issued(app: &App, user: &User, by: &Actor, what: &str) -> anyhow::Result<()> {
    let event = Event::AccessIssued { user: user.id, what: what.to_owned() };
    let event = NewEvent { stream: Stream::User, at: app.clock.now(), actor: by.clone(), event };
    Ok(app.store.append(vec![event]).await?)
}
