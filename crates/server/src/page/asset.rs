//! `/static/…`: style and script, kept by browsers for good; their address changes with them.

use axum::{
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};

use crate::{app::Reads, problem::Problem};

pub(crate) async fn show(
    State(reads): State<Reads>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let asset = reads.screens().asset(&name).ok_or_else(|| Problem::missing("file", &name))?;
    let headers = [
        (header::CONTENT_TYPE, asset.media.clone()),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
    ];
    Ok((headers, asset.bytes.clone()).into_response())
}
