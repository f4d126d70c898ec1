//! Reading a request: ids, bodies and parameters, each refused with its name when it is wrong.

use std::{fmt::Display, str::FromStr};

use axum::{
    Form, Json,
    extract::{
        FromRequest, FromRequestParts, Path, Query, Request,
        rejection::{FormRejection, JsonRejection, QueryRejection},
    },
    http::{StatusCode, request::Parts},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::problem::{Problem, chain};

/// The largest request body, in bytes.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// The one id in a route's path.
pub(crate) struct Id<T>(pub(crate) T);

impl<T, S> FromRequestParts<S> for Id<T>
where
    T: FromStr<Err: Display>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|why| {
            Problem::new(StatusCode::BAD_REQUEST, "malformed-id", why.body_text())
        })?;
        text.parse().map(Self).map_err(|why: T::Err| {
            Problem::new(StatusCode::BAD_REQUEST, "malformed-id", why.to_string()).field("id")
        })
    }
}

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(JsonRejection::JsonDataError(why)) => Err(wrong_field(&why)),
            Err(JsonRejection::JsonSyntaxError(why)) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed-json",
                format!("the body is not JSON: {}", cause(&why)),
            )),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "send the body as `content-type: application/json`",
            )),
            Err(why) => Err(unreadable(why.status(), &why.body_text())),
        }
    }
}

/// A form's fields.
pub(crate) struct Fields<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Fields<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Form::<T>::from_request(request, state).await {
            Ok(Form(fields)) => Ok(Self(fields)),
            Err(FormRejection::FailedToDeserializeFormBody(why)) => Err(wrong_field(&why)),
            Err(FormRejection::InvalidFormContentType(_)) => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "send the form as `content-type: application/x-www-form-urlencoded`",
            )),
            Err(why) => Err(unreadable(why.status(), &why.body_text())),
        }
    }
}

/// The parameters after the question mark.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(QueryRejection::FailedToDeserializeQueryString(why)) => {
                Err(wrong_field(&why).field_of("the parameters"))
            }
            Err(why) => Err(unreadable(why.status(), &why.body_text())),
        }
    }
}

impl Problem {
    /// Keeps the field that was found, or says where to look.
    fn field_of(mut self, place: &str) -> Self {
        self.status = StatusCode::BAD_REQUEST.as_u16();
        if self.field.is_none() {
            self.detail = format!("{place}: {}", self.detail);
        }
        self
    }
}

/// The words behind an extractor's rejection, without axum's preface.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    error.source().map_or_else(|| error.to_string(), chain_once)
}

fn chain_once(error: &(dyn std::error::Error + 'static)) -> String {
    // Sources below repeat the text above them in serde's errors.
    error.source().map_or_else(
        || error.to_string(),
        |source| {
            let (outer, inner) = (error.to_string(), chain(source));
            if outer.contains(&inner) { outer } else { format!("{outer}: {inner}") }
        },
    )
}

/// A value of the wrong type, a missing field or one we do not know, with the field's name.
fn wrong_field(error: &(dyn std::error::Error + 'static)) -> Problem {
    let why = cause(error);
    let unknown = why.contains("unknown field `");
    let code = if unknown { "unknown-field" } else { "invalid-field" };
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, why.clone());
    match named(&why) {
        Some(field) => problem.field(field),
        None => problem,
    }
}

/// The field an error of serde is about: ``unknown field `x` ``, ``missing field `x` ``, or the
/// path in front of the message.
fn named(why: &str) -> Option<String> {
    for phrase in ["unknown field `", "missing field `"] {
        if let Some((_, rest)) = why.split_once(phrase) {
            return rest.split_once('`').map(|(name, _)| name.to_owned());
        }
    }
    let (path, _) = why.split_once(": ")?;
    (!path.contains(' ') && path != ".").then(|| path.to_owned())
}

fn unreadable(status: StatusCode, why: &str) -> Problem {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        too_large()
    } else {
        Problem::new(status, "unreadable-body", why)
    }
}

/// The body is beyond [`BODY_LIMIT`].
pub(crate) fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        format!("the body is larger than {BODY_LIMIT} bytes; send less at a time"),
    )
}

/// Reads an optional parameter; an empty one, as forms send it, is none.
pub(crate) fn blank<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    match Option::<String>::deserialize(deserializer)? {
        Some(text) if !text.trim().is_empty() => {
            text.trim().parse().map(Some).map_err(serde::de::Error::custom)
        }
        _ => Ok(None),
    }
}
