//! What a caller hears when something did not work: RFC 9457 problem details with a stable code.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    approval::DecideError,
    port::{DeskError, StoreError, VaultError},
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{hook::SignalProblem, operator::OperateError};

/// Problem details as the API sends them (RFC 9457).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct Document {
    /// `urn:playgate:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem, in a few words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened this time and what to do; nothing internal.
    detail: String,
    /// Stable, in kebab case: what programs look at.
    code: &'static str,
    /// The field, parameter or header at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// Who settled it first, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_by: Option<String>,
    /// When it was settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<Timestamp>,
}

/// Who settled something first, and when.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settled {
    pub(crate) by: Option<String>,
    pub(crate) at: Option<Timestamp>,
}

/// Why a request did not do what was asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
    pub(crate) field: Option<String>,
    pub(crate) settled: Option<Box<Settled>>,
}

impl Problem {
    /// A problem whose title is the status's own.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let (status, detail) = (status.as_u16(), detail.into());
        Self { status, code, detail, field: None, settled: None }
    }

    /// Says who was faster.
    pub(crate) fn settled(mut self, by: Option<String>, at: Option<Timestamp>) -> Self {
        self.settled = Some(Box::new(Settled { by, at }));
        self
    }

    fn document(&self) -> Document {
        let settled = self.settled.as_deref();
        Document {
            kind: format!("urn:playgate:problem:{}", self.code),
            title: self.status().canonical_reason().unwrap_or("Problem"),
            status: self.status,
            detail: self.detail.clone(),
            code: self.code,
            field: self.field.clone(),
            settled_by: settled.and_then(|settled| settled.by.clone()),
            settled_at: settled.and_then(|settled| settled.at),
        }
    }

    /// Names the field at fault.
    pub(crate) fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// A value that does not make sense.
    pub(crate) fn invalid(field: &str, why: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-field", format!("`{field}` {why}"))
            .field(field)
    }

    /// There is no such thing.
    pub(crate) fn missing(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", format!("there is no {what} `{id}`"))
    }

    /// Our own fault. The cause is logged; the caller learns nothing of it.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %chain(error), "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong on our side; the log has the details under this request's id",
        )
    }

    /// Nothing is wrong with the request; later it may work.
    pub(crate) fn unavailable(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::warn!(error = %chain(error), "request could not be served now");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            // A connection that breaks in the middle of a commit does not say how that ended.
            "the database does not answer at the moment; look whether it was done, and \
             try again if not",
        )
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// An error with its sources, in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_transient() { Self::unavailable(&error) } else { Self::internal(&error) }
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::NotFound(id) => Self::missing("approval", id),
            DeskError::Decide(error) => Self::from(error),
            DeskError::Invalid { field, why } => Self::invalid(field, &why),
            DeskError::Vault(VaultError::Erased(_)) => Self::new(
                StatusCode::GONE,
                "erased",
                "the person this text is about was erased; it cannot be read or decided any more",
            ),
            DeskError::Vault(VaultError::Store(error)) | DeskError::Store(error) => error.into(),
            error @ (DeskError::Vault(_) | DeskError::Policy(_)) => Self::internal(&error),
        }
    }
}

impl From<DecideError> for Problem {
    /// Names of people are put in by whoever can look them up.
    fn from(error: DecideError) -> Self {
        let detail = error.to_string();
        match error {
            DecideError::Settled { by, at, .. } => {
                let by = by.map(|by| by.to_string());
                Self::new(StatusCode::CONFLICT, "already-settled", detail).settled(by, at)
            }
            DecideError::Redrafting { .. } => {
                Self::new(StatusCode::CONFLICT, "being-redrafted", detail)
            }
            DecideError::Changed { .. } => Self::new(StatusCode::CONFLICT, "draft-changed", detail),
            DecideError::Forbidden { .. } => {
                Self::new(StatusCode::CONFLICT, "forbidden-by-policy", detail)
            }
        }
    }
}

impl From<OperateError> for Problem {
    fn from(error: OperateError) -> Self {
        match error {
            OperateError::NoPlaybook(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "no-such-playbook", error.to_string())
                    .field("playbook")
            }
            OperateError::NoAccount(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "no-such-account", error.to_string())
                    .field("account")
            }
            OperateError::Suppressed { .. } => {
                Self::new(StatusCode::CONFLICT, "too-recent", error.to_string())
            }
            OperateError::Moved { .. } => {
                Self::new(StatusCode::CONFLICT, "count-changed", error.to_string()).field("expect")
            }
            OperateError::Interrupted { .. } => {
                tracing::warn!(error = %chain(&error), "bulk intervention was interrupted");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "interrupted", error.to_string())
            }
            OperateError::Refused(_) => {
                Self::new(StatusCode::CONFLICT, "not-possible", error.to_string())
            }
            OperateError::Store(error) => error.into(),
        }
    }
}

impl From<SignalProblem> for Problem {
    fn from(error: SignalProblem) -> Self {
        match error {
            SignalProblem::MediaType(_) => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                error.to_string(),
            ),
            SignalProblem::Malformed(why) => {
                Self::new(StatusCode::BAD_REQUEST, "malformed-event", why)
            }
            SignalProblem::Invalid { field, why } => Self::invalid(&field, &why),
            SignalProblem::Store(error) => error.into(),
        }
    }
}

impl From<tera::Error> for Problem {
    fn from(error: tera::Error) -> Self {
        Self::internal(&error)
    }
}

impl IntoResponse for Problem {
    /// The problem rides along in the response's extensions, so that screens can show it as a page.
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.document()).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.status {
            401 => {
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            503 => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}
