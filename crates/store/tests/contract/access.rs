//! People, their sessions and tokens.

use domain::{
    port::{Access, Session},
    user::{Permission, Role},
};
use jiff::SignedDuration;

use crate::{
    backend::Backend,
    stage::{Stage, minutes_after},
};

contract! {
    an_address_is_one_person_in_any_case,
    a_secret_opens_what_it_was_issued_for,
    a_link_is_redeemed_once,
    a_disabled_person_has_no_session,
}

async fn an_address_is_one_person_in_any_case(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let ada = stage.add_user("Ada@Example.com", Role::CsOps).await;
    let again = stage.add_user("ada@example.COM ", Role::Admin).await;
    assert_eq!(ada, again);
    assert_eq!(store.user_by_email("ADA@example.com").await.unwrap(), Some(ada.clone()));
    assert_eq!(store.user(ada.id).await.unwrap(), Some(ada));
    assert_eq!(store.user_by_email("nobody@example.com").await.unwrap(), None);
    let names: Vec<_> = store.users().await.unwrap().into_iter().map(|user| user.name).collect();
    assert_eq!(names, ["Ada@Example.com", "Maria Diaz"]);
    assert_eq!(stage.events("user").await, ["user_added", "user_added"]);
}

async fn a_secret_opens_what_it_was_issued_for(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let (now, ends) = (backend.now(), minutes_after(backend.now(), 60));
    let ops = stage.add_user("ops@example.com", Role::CsOps).await;
    let scope = ["signal".to_owned()];
    store.issue("token", "h1", ops.id, Some(&scope), ends, now).await.unwrap();
    store.issue("session", "h2", ops.id, None, ends, now).await.unwrap();
    assert!(store.issue("session", "h2", ops.id, None, ends, now).await.is_err(), "taken");

    let token = store.session("token", "h1", now).await.unwrap().unwrap();
    assert_eq!(token, Session { user: ops.clone(), scope: Some(scope.to_vec()), expires_at: ends });
    assert!(token.may(Permission::Signal) && !token.may(Permission::Kill));
    assert_eq!(store.session("session", "h1", now).await.unwrap(), None, "another kind");
    assert_eq!(store.session("token", "h3", now).await.unwrap(), None);
    let session = store.session("session", "h2", now).await.unwrap().unwrap();
    assert!(session.may(Permission::Kill));
    assert!(store.session("session", "h2", now).await.unwrap().is_some(), "not used up");
    assert_eq!(store.session("session", "h2", ends).await.unwrap(), None, "too late");
    store.revoke("h2").await.unwrap();
    assert_eq!(store.session("session", "h2", now).await.unwrap(), None);
}

async fn a_link_is_redeemed_once(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let (now, ends) = (backend.now(), backend.now() + SignedDuration::from_mins(15));
    backend.store.issue("link", "once", stage.csm, None, ends, now).await.unwrap();
    let mut racing = Vec::new();
    for _ in 0..6 {
        let store = backend.another().await;
        racing.push(tokio::spawn(async move {
            store.redeem("link", "once", now).await.unwrap().is_some()
        }));
    }
    let mut redeemed = 0;
    for one in racing {
        redeemed += i32::from(one.await.unwrap());
    }
    assert_eq!(redeemed, 1);
    backend.store.issue("link", "late", stage.csm, None, ends, now).await.unwrap();
    assert_eq!(backend.store.redeem("link", "late", ends).await.unwrap(), None);
    assert_eq!(backend.store.redeem("session", "late", now).await.unwrap(), None);
    assert!(backend.store.redeem("link", "late", now).await.unwrap().is_some());
}

async fn a_disabled_person_has_no_session(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let (now, ends) = (backend.now(), minutes_after(backend.now(), 60));
    backend.store.issue("session", "h", stage.csm, None, ends, now).await.unwrap();
    backend.behind_the_back("UPDATE users SET disabled_at = 1").await.unwrap();
    assert_eq!(backend.store.session("session", "h", now).await.unwrap(), None);
}
