//! `/v1/signals`: where other systems say what they observed.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};

use crate::{app::App, hook::Accepted, problem::Problem};

/// The signature or the token has been checked by the guard, over the same bytes.
pub(crate) async fn accept(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let body = body.map_err(|why| {
        if why.status() == StatusCode::PAYLOAD_TOO_LARGE {
            crate::extract::too_large()
        } else {
            Problem::new(why.status(), "unreadable-body", why.body_text())
        }
    })?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let accepted = app.services.hooks.accept(kind.unwrap_or_default(), &body).await?;
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}
