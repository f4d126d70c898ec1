//! People, their sessions and tokens.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::{
    id::UserId,
    user::{Actor, Permission, User},
};

/// What a secret opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub user: User,
    /// The permissions it is limited to; none means all of the role's.
    pub scope: Option<Vec<String>>,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Session {
    /// Whether this session may do something: the role and the token's scope both allow it.
    pub fn may(&self, permission: Permission) -> bool {
        let word = serde_json::to_value(permission).ok();
        self.user.role.may(permission)
            && self.scope.as_ref().is_none_or(|scope| {
                scope.iter().any(|name| word.as_ref().and_then(|w| w.as_str()) == Some(name))
            })
    }
}

/// Kinds of secrets, each stored as its SHA-256 only.
///
/// `session`: a browser's cookie. `token`: an API token. `link`: a one-time sign-in link.
#[async_trait]
pub trait Access: Send + Sync {
    /// Adds a person, or returns the one who has the address.
    async fn add_user(&self, user: &User, by: &Actor, now: Timestamp) -> Result<User, StoreError>;

    /// All people, by name.
    async fn users(&self) -> Result<Vec<User>, StoreError>;

    /// One person by address, any case.
    async fn user_by_email(&self, email: &str) -> Result<Option<User>, StoreError>;

    /// One person.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// Stores the hash of a secret.
    async fn issue(
        &self,
        kind: &str,
        hash: &str,
        user: UserId,
        scope: Option<&[String]>,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// What the secret with this hash opens, if it is of this kind, in time, and its user active.
    async fn session(
        &self,
        kind: &str,
        hash: &str,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError>;

    /// Uses up a one-time secret: like `session`, and gone afterwards.
    async fn redeem(
        &self,
        kind: &str,
        hash: &str,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError>;

    /// Ends a secret.
    async fn revoke(&self, hash: &str) -> Result<(), StoreError>;
}
