//! When a refresh token may be used: rows T16 to T22 of the attack table, and
//! the grace that keeps honest clients logged in (trap 7).

use picard_domain::{ClientId, Instant, Scope, Scopes, Span};
use picard_oauth::{
    ErrorCode, OAuthError, lifetimes,
    refresh::{Decision, Refusal, StoredToken, SuccessorState, TokenState, expires_at, narrowed},
};
use proptest::prelude::*;
use uuid::Uuid;

const USED: Instant = Instant::from_micros(1_000_000_000);

fn client(n: u128) -> ClientId {
    ClientId::from_uuid(Uuid::from_u128(n))
}

fn token(state: TokenState) -> StoredToken {
    StoredToken {
        client_id: client(1),
        expires_at: USED + Span::days(30),
        state,
    }
}

fn used(successor: SuccessorState) -> StoredToken {
    token(TokenState::Used {
        at: USED,
        successor,
    })
}

#[test]
fn t16_a_token_that_was_never_used_is_rotated() {
    let unused = token(TokenState::Unused);
    assert_eq!(unused.present(client(1), USED), Decision::Rotate);
}

#[test]
fn within_the_grace_a_used_token_gives_the_same_successor() {
    let token = used(SuccessorState::Unused);
    for seconds in [-1, 0, 1, 30] {
        let now = USED + Span::seconds(seconds);
        assert_eq!(
            token.present(client(1), now),
            Decision::ReturnSameSuccessor,
            "{seconds}"
        );
    }
}

#[test]
fn after_the_grace_reuse_revokes_the_family() {
    let now = USED + lifetimes::REFRESH_GRACE + Span::seconds(1);
    assert_eq!(
        used(SuccessorState::Unused).present(client(1), now),
        Decision::RevokeFamily
    );
}

#[test]
fn t17_reuse_after_the_successor_was_used_revokes_the_family_at_once() {
    assert_eq!(
        used(SuccessorState::Used).present(client(1), USED),
        Decision::RevokeFamily
    );
}

#[test]
fn reuse_is_an_alarm_even_when_the_token_has_expired_since() {
    let late = USED + Span::days(31);
    assert_eq!(
        used(SuccessorState::Unused).present(client(1), late),
        Decision::RevokeFamily
    );
}

#[test]
fn t20_another_client_is_refused_and_cannot_end_the_family() {
    for state in [
        TokenState::Unused,
        TokenState::Used {
            at: USED,
            successor: SuccessorState::Used,
        },
        TokenState::Revoked,
    ] {
        let decision = token(state).present(client(2), USED);
        assert_eq!(
            decision,
            Decision::Refuse(Refusal::OtherClient),
            "{state:?}"
        );
    }
}

#[test]
fn an_expired_or_revoked_token_is_refused() {
    let end = token(TokenState::Unused).expires_at;
    let unused = token(TokenState::Unused);
    assert_eq!(
        unused.present(client(1), end - Span::seconds(1)),
        Decision::Rotate
    );
    assert_eq!(
        unused.present(client(1), end),
        Decision::Refuse(Refusal::Expired)
    );
    let revoked = token(TokenState::Revoked);
    assert_eq!(
        revoked.present(client(1), USED),
        Decision::Refuse(Refusal::Revoked)
    );
}

#[test]
fn every_refusal_is_invalid_grant() {
    for refusal in [Refusal::OtherClient, Refusal::Expired, Refusal::Revoked] {
        assert_eq!(OAuthError::from(refusal).code, ErrorCode::InvalidGrant);
    }
}

#[test]
fn t19_scopes_may_shrink_and_never_grow() {
    let (read, write) = (
        Scopes::NONE.with(Scope::Read),
        Scopes::NONE.with(Scope::Write),
    );
    assert_eq!(narrowed(write, None), Ok(write));
    assert_eq!(narrowed(Scopes::read_write(), Some(read)), Ok(read));
    // Write implies read, so a token of write may be narrowed to read.
    assert_eq!(narrowed(write, Some(read)), Ok(read));
    for asked in [write, Scopes::NONE.with(Scope::Admin), Scopes::read_write()] {
        let refused = narrowed(read, Some(asked)).expect_err("more than granted");
        assert_eq!(refused.code, ErrorCode::InvalidScope);
    }
}

#[test]
fn a_family_ends_after_180_days_however_often_it_is_used() {
    let began = USED;
    assert_eq!(expires_at(began, began), began + Span::days(30));
    let late = began + Span::days(170);
    assert_eq!(expires_at(late, began), began + Span::days(180));
}

proptest! {
    #[test]
    fn a_used_token_never_starts_a_second_line(after in 0_i64..10_000_000_000, was_used: bool) {
        let successor = if was_used { SuccessorState::Used } else { SuccessorState::Unused };
        let now = USED + Span::seconds(after / 1000);
        prop_assert_ne!(used(successor).present(client(1), now), Decision::Rotate);
    }
}
