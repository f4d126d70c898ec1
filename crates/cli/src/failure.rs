//! Tells bad input from everything else, for the exit code.

use connectors::import::{ImportError, MappingError};
use domain::{approval::DecideError, port::DeskError};

/// Something the person gave is wrong; the text says what and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadInput(pub String);

/// A check that was asked for found something wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Found(pub String);

/// Returns early with [`BadInput`].
#[macro_export]
macro_rules! bad_input {
    ($($text:tt)*) => {
        return Err($crate::failure::BadInput(format!($($text)*)).into())
    };
}

/// The exit code of an error: 2 for bad input, 3 for a decision that is not possible (any more), 1
/// for everything else.
pub fn exit_code(err: &anyhow::Error) -> u8 {
    for cause in err.chain() {
        if let Some(desk) = cause.downcast_ref::<DeskError>() {
            return match desk {
                DeskError::NotFound(_) | DeskError::Invalid { .. } => 2,
                DeskError::Decide(_) => 3,
                _ => 1,
            };
        }
        if cause.is::<DecideError>() {
            return 3;
        }
        let input = cause.is::<BadInput>()
            || cause.is::<notation::Diagnostics>()
            || cause.is::<domain::id::ParseIdError>()
            || cause.is::<domain::account::UnknownWord>()
            || cause.is::<serde_json::Error>()
            || cause.is::<MappingError>()
            || cause.is::<agent::EndpointError>()
            || cause.is::<agent::PromptError>()
            || cause.is::<connectors::outlet::SenderError>()
            || cause.is::<connectors::signature::SecretError>()
            || cause.is::<privacy::seal::KeyError>()
            || cause.is::<jiff::Error>()
            || cause.is::<url::ParseError>()
            || matches!(cause.downcast_ref::<store::OpenError>(), Some(store::OpenError::Url(_)))
            || matches!(
                cause.downcast_ref::<ImportError>(),
                Some(
                    ImportError::Option(_) | ImportError::Files(_) | ImportError::Rejections { .. }
                )
            )
            || matches!(
                cause.downcast_ref::<engine::MigrateRunsError>(),
                Some(err) if !matches!(
                    err,
                    engine::MigrateRunsError::Store(_) | engine::MigrateRunsError::Active(_)
                )
            )
            || matches!(
                cause.downcast_ref::<engine::RetryFromError>(),
                Some(
                    engine::RetryFromError::NotFound(_)
                        | engine::RetryFromError::NotPossible { .. }
                        | engine::RetryFromError::Rewind(_)
                )
            )
            || matches!(
                cause.downcast_ref::<engine::StartError>(),
                Some(engine::StartError::NoPlaybook { .. } | engine::StartError::Going { .. })
            );
        if input {
            return 2;
        }
    }
    1
}
