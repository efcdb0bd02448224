//! Tokens: their shape, their kinds, their digests.

mod common;

use common::Seeded;
use picard_crypto::{Digest, InvalidToken, Token, TokenKind, random_url_token};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_minted_token_is_a_token_of_its_kind_only(seed: u64) {
        for kind in TokenKind::ALL {
            let token = Token::mint(kind, &Seeded::new(seed));
            prop_assert_eq!(token.expose().len(), 52);
            prop_assert!(token.expose().starts_with(kind.prefix()));
            for other in TokenKind::ALL {
                let parsed = Token::parse(other, token.expose());
                prop_assert_eq!(parsed.is_ok(), kind == other);
                let body = &token.expose()[4..];
                let renamed = format!("{}{body}", other.prefix());
                prop_assert_eq!(Token::parse(other, &renamed).is_ok(), kind == other);
            }
        }
    }

    #[test]
    fn a_typo_is_no_token(at in 4..52_usize, c in "[A-Za-z0-9_-]") {
        let token = Token::mint(TokenKind::Access, &Seeded::new(7));
        let mut typo = token.expose().to_owned();
        typo.replace_range(at..=at, &c);
        prop_assert_eq!(
            Token::parse(TokenKind::Access, &typo).is_ok(), typo == token.expose()
        );
    }

    #[test]
    fn no_text_makes_the_parser_panic(text: String) {
        let longer = format!("pat_{text}");
        prop_assert_eq!(Token::parse(TokenKind::Access, &text).err(), Some(InvalidToken));
        prop_assert_eq!(Token::parse(TokenKind::Access, &longer).err(), Some(InvalidToken));
    }
}

#[test]
fn a_database_finds_a_token_by_its_digest() {
    let token = Token::mint(TokenKind::Refresh, &Seeded::new(1));
    let presented = Token::parse(TokenKind::Refresh, token.expose()).expect("our own");
    assert_eq!(presented.digest(), token.digest());
    assert_eq!(Digest::of(token.expose()), token.digest());
}

#[test]
fn a_token_is_not_in_its_debug_output() {
    let token = Token::mint(TokenKind::Code, &Seeded::new(1));
    assert_eq!(format!("{token:?}"), "Token(pac_..)");
}

#[test]
fn a_random_token_fits_into_a_url() {
    let token = random_url_token(&Seeded::new(1));
    assert_eq!(token.len(), 43);
    assert!(
        token
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    );
}
