//! `/v1/contacts/{id}`: everything of a person handed out (GV-27), or erased (GV-28).

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    erasure::{Erased, Erasure, Footprint},
    id::ContactId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    extract::{Body, Id},
    guard::Caller,
    problem::Problem,
};

/// Erases a person for good.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Erase {
    /// The person's id once more. Without it nothing is erased, and the answer says what would be.
    #[serde(default)]
    confirm: Option<ContactId>,
}

/// What there is of a person, or the receipt of their erasure.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ErasureView")]
pub(crate) struct View {
    /// What would be erased; none once it was.
    footprint: Option<Footprint>,
    /// The receipt; none while nothing was erased.
    receipt: Option<Erasure>,
    /// SHA-256 of the receipt, as the audit trail has it.
    sha256: Option<String>,
    /// Whether it was done by this request.
    erased_now: bool,
}

impl View {
    fn of(receipt: Erasure, now: bool) -> Self {
        let sha256 = Some(receipt.hash());
        Self { footprint: None, receipt: Some(receipt), sha256, erased_now: now }
    }
}

pub(crate) async fn erase(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ContactId>,
    Body(Erase { confirm }): Body<Erase>,
) -> Result<Json<View>, Problem> {
    let operator = &app.services.operator;
    let (footprint, before) =
        operator.look_at(id).await?.ok_or_else(|| Problem::missing("contact", id))?;
    if let Some(receipt) = before {
        return Ok(Json(View::of(receipt, false)));
    }
    match confirm {
        None => Ok(Json(View {
            footprint: Some(footprint),
            receipt: None,
            sha256: None,
            erased_now: false,
        })),
        Some(again) if again != id => {
            Err(Problem::invalid("confirm", "is another contact than the one to erase"))
        }
        Some(_) => match operator.erase(id, &caller.actor()).await? {
            Erased::Now(receipt) => Ok(Json(View::of(receipt, true))),
            Erased::Before(receipt) => Ok(Json(View::of(receipt, false))),
            Erased::NotFound => Err(Problem::missing("contact", id)),
        },
    }
}

pub(crate) async fn export(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ContactId>,
) -> Result<Response, Problem> {
    let found = app.services.operator.export(id, &caller.actor()).await?;
    let document = found.ok_or_else(|| Problem::missing("contact", id))?;
    let name = format!("attachment; filename=\"{id}.json\"");
    let headers = [(header::CONTENT_DISPOSITION, name), (header::CACHE_CONTROL, "no-store".into())];
    Ok((StatusCode::OK, headers, Json(document)).into_response())
}
